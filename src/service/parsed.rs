//! Variables that are read once and used by many requests: a long list takes its time to read.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::models::ChatError;
use crate::platform::Env;

/// What was read of a variable, and of which text.
type Read = (String, Rc<dyn Any>);

thread_local! {
    /// What this isolate has read. It holds nothing of any request.
    static READ: RefCell<HashMap<&'static str, Read>> = RefCell::default();
}

/// What a variable says; what it stands for if it is not set.
pub fn parsed<T: Default + 'static>(
    env: &Env,
    name: &'static str,
    read: impl FnOnce(&str) -> Result<T, ChatError>,
) -> Result<Rc<T>, ChatError> {
    let text = env.var(name).unwrap_or_default();
    let known =
        READ.with_borrow(|all| all.get(name).filter(|(known, _)| *known == text).map(|(_, value)| value.clone()));
    if let Some(value) = known.and_then(|value| value.downcast::<T>().ok()) {
        return Ok(value);
    }
    let value = Rc::new(if text.is_empty() { T::default() } else { read(&text)? });
    READ.with_borrow_mut(|all| all.insert(name, (text, value.clone())));
    Ok(value)
}
