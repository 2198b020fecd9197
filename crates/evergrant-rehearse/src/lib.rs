//! evergrant-rehearse
