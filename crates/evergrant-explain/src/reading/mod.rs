//! What people have at hand of a failure, read: a body, an exchange, a HAR file, a line of a log, a sentence.
