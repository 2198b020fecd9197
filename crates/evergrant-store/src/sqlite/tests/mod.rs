mod faults;
mod listing;
mod protocol;
mod quarantine;
mod secrecy;
mod world;
