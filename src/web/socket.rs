//! `GET /ws`: chat over a WebSocket without a session, any number of rounds on one socket, one at a time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_channel::mpsc;
use futures_util::StreamExt;
use worker::{Context, WebSocket, WebSocketPair, WebsocketEvent};

use super::reply::Reply;
use super::{Call, chat, header};
use crate::dialects::{Lanarky, ToClient};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Abort, Outlet, Socket, Stopwatch};
use crate::service::{Ask, House, run_into};

/// Rounds that may wait for their turn: more is not a conversation.
const MOST_WAITING: usize = 16;

/// The largest message: as large as a request's body may be.
const MOST_MESSAGE: usize = 4 << 20;

/// Takes the socket, and serves it as long as it is open.
pub fn open(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    if !header(&call.request, "upgrade").is_some_and(|kind| kind.eq_ignore_ascii_case("websocket")) {
        let words = "this address is for WebSockets: connect with the header upgrade: websocket";
        return Err(ChatError::invalid("upgrade", words));
    }
    let failed = |_| ChatError::new(ErrorKind::Internal, "the runtime gives no socket");
    let WebSocketPair { client, server } = WebSocketPair::new().map_err(failed)?;
    // Where nothing is said the runtime gives binary messages as blobs, which have to be waited for.
    let _ = js_sys::Reflect::set(server.as_ref(), &"binaryType".into(), &"arraybuffer".into());
    server.accept().map_err(failed)?;
    let house = house.clone();
    context.wait_until(async move { serve(server, call, house).await });
    let response = worker::Response::from_websocket(client).map_err(failed)?;
    Ok(Reply::socket(response.into()))
}

async fn serve(server: WebSocket, call: Call, house: House) {
    let socket = Rc::new(Socket::new(server.clone(), lines, |_| None));
    let (mut say, mut said) = mpsc::channel(MOST_WAITING);
    // The run under way, to be let go when the client leaves; nothing is asked for it after that.
    let left: Rc<RefCell<Option<Abort>>> = Rc::default();
    let gone: Rc<Cell<bool>> = Rc::default();
    let (leaver, leaves) = (left.clone(), gone.clone());
    let reader = socket.clone();
    let listen = async move {
        let Ok(mut events) = server.events() else { return };
        while let Some(Ok(WebsocketEvent::Message(message))) = events.next().await {
            reader.heard();
            let text = message.text().map(String::into_bytes).or_else(|| message.bytes()).unwrap_or_default();
            if text.len() > MOST_MESSAGE {
                reader.give_up(1009, "the message is larger than 4 MB");
                break;
            }
            if say.try_send(text).is_err() {
                reader.give_up(1008, "too many messages wait for their answers");
                break;
            }
        }
        leaves.set(true);
        if let Some(abort) = leaver.borrow().as_ref() {
            abort.abort();
        }
        // The other side of the handshake; one that is over already is over all the same.
        let _ = server.close(Some(1000), Some(""));
    };
    let answer = async {
        while let Some(text) = said.next().await {
            let Some(abort) = Abort::new().ok().filter(|_| !gone.get()) else { break };
            left.replace(Some(abort.clone()));
            if let Err(error) = round(&text, &call, abort, &house, socket.clone()).await {
                socket.write(&Lanarky.write_error(&error, "").body);
            }
        }
    };
    futures_util::future::join(listen, answer).await;
}

/// One answer. What fails before it begins is told here, what fails later is told in it.
async fn round(text: &[u8], call: &Call, abort: Abort, house: &House, socket: Rc<Socket>) -> Result<(), ChatError> {
    let request = Lanarky.read_request(text)?;
    let ask = Ask { left: abort.signal(), clock: Stopwatch::start(), ..chat::ask(call, &Lanarky, true) };
    // A socket outlives what was known of keys when it was opened.
    let house = House::open(house.env.clone()).await?;
    run_into(request, ask, &house, socket).await
}

/// Each line is a message.
fn lines(bytes: &[u8], give: &mut dyn FnMut(&str)) {
    String::from_utf8_lossy(bytes).lines().for_each(give);
}
