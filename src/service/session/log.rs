//! From a run to its log, and from there to whoever listens: kept first, given then.

use std::rc::{Rc, Weak};

use super::{Going, Hall};
use crate::models::ChatError;
use crate::platform::{Outlet, Taken, now_ms, sleep};
use crate::session::Row;

/// Where the frames of a session's run go.
pub struct LogOutlet {
    pub hall: Weak<Hall>,
    pub going: Weak<Going>,
}

impl LogOutlet {
    fn both(&self) -> Option<(Rc<Hall>, Rc<Going>)> {
        self.hall.upgrade().zip(self.going.upgrade())
    }
}

impl Outlet for LogOutlet {
    fn write(&self, bytes: &[u8]) -> Taken {
        let Some((hall, going)) = self.both().filter(|_| !bytes.is_empty()) else { return Taken::Room };
        let row = going.log.borrow_mut().push(bytes, now_ms());
        match row.map_or(Ok(()), |row| hall.give(&going, &row)) {
            Ok(()) => {
                hall.set_timer(&going);
                Taken::Room
            }
            // What cannot be kept is not given: the run ends here, and its listeners are told.
            Err(error) => {
                hall.lose(&going, &error);
                Taken::Gone
            }
        }
    }

    /// A sign of life is not kept: who comes later was not there to be told.
    fn beat(&self, bytes: &[u8]) {
        if let Some((hall, going)) = self.both() {
            hall.beat(&going.id, bytes);
        }
    }

    /// Nobody holds a run up: who is slow reads the log.
    fn has_room(&self) -> bool {
        true
    }

    fn close(&self) {
        if let Some((hall, going)) = self.both() {
            hall.over(&going);
        }
    }

    fn abort(&self) {
        self.close();
    }
}

impl Hall {
    /// Keeps a row, and gives it to those who have all before it.
    fn give(self: &Rc<Self>, going: &Going, row: &Row) -> Result<(), ChatError> {
        self.store.keep(&going.id, row)?;
        self.hand_out(&going.id, row);
        Ok(())
    }

    /// What follows quickly upon a row waits for its time.
    fn set_timer(self: &Rc<Self>, going: &Rc<Going>) {
        let Some(due) = going.log.borrow().due().filter(|_| !going.is_timed.replace(true)) else { return };
        let (hall, going) = (self.clone(), going.clone());
        let wait = due.saturating_sub(now_ms()).max(1);
        self.home.wait_until(async move {
            sleep(wait).await;
            going.is_timed.set(false);
            hall.flush(&going);
        });
    }

    /// Makes a row of what is open.
    pub(super) fn flush(self: &Rc<Self>, going: &Rc<Going>) {
        let row = going.log.borrow_mut().pack(now_ms());
        if let Some(Err(error)) = row.map(|row| self.give(going, &row)) {
            self.lose(going, &error);
        }
    }
}
