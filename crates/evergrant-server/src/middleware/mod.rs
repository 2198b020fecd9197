//! What happens to every request, before and after its route.

mod authenticate;
mod measure;
mod observe;
mod panic;
mod shortcut;
mod steady;

pub(crate) use self::{
    authenticate::{Gate, authenticate},
    measure::measure,
    observe::{RequestIds, observe},
    panic::answer_panic,
    shortcut::shortcut,
    steady::{Pace, TooSlow},
};
