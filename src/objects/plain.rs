//! What the runtime may call of an object that only answers requests.

/// The rest of `DurableObject` for an object without sockets.
macro_rules! no_sockets {
    () => {
        async fn connect(&self, _: worker::Socket) -> worker::Result<()> {
            Ok(())
        }

        async fn websocket_message(
            &self,
            _: worker::WebSocket,
            _: worker::WebSocketIncomingMessage,
        ) -> worker::Result<()> {
            Ok(())
        }

        async fn websocket_close(&self, _: worker::WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
            Ok(())
        }

        async fn websocket_error(&self, _: worker::WebSocket, _: worker::Error) -> worker::Result<()> {
            Ok(())
        }
    };
}

/// The same for one without an alarm, too.
macro_rules! no_alarm {
    () => {
        async fn alarm(&self) -> worker::Result<worker::Response> {
            worker::Response::empty()
        }
    };
}

pub(super) use {no_alarm, no_sockets};
