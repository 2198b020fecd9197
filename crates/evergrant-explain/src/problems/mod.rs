//! A page for every cause: what it means, how to confirm it, what helps and what never does.
