mod adopted;
mod endings;
mod put_back;
mod repeated;
mod revoked;
pub(crate) mod world;
