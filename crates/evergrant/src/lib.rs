//! evergrant
