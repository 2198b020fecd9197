//! What passes by itself, and what never was a failure.

use super::{ANY, NOTHING, REFRESH, Saying, TOKEN_ENDPOINT, plain};
use crate::diagnosis::{
    Cause,
    wording::{
        Words,
        vocabulary::Word::{
            Account, Authorization, Block, Code, Concurrent, Disable, Error, Exceed, Fail, Internal,
            Lifetime, Limit, Login, Many, Max, Password, Pending, Quick, Rate, Refresh, Request, Resource,
            Retry, Scope, Server, Session, Slow, Temporary, Timeout, Token, Too, Unavailable, User,
        },
    },
};

pub(super) const SAYINGS: &[Saying] = &[
    plain(
        ANY,
        &[Words::of(&[Authorization]), Words::of(&[Pending])],
        NOTHING,
        Cause::AuthorizationPending,
        &[],
        "an approval that is still pending",
    ),
    plain(ANY, &[Words::of(&[Slow])], NOTHING, Cause::RateLimited, &[], "requests that come too quickly"),
    plain(ANY, &[Words::of(&[Rate])], Words::of(&[Token]), Cause::RateLimited, &[], "a limit of requests"),
    plain(
        ANY,
        &[Words::of(&[Rate]), Words::of(&[Limit, Exceed, Request])],
        NOTHING,
        Cause::RateLimited,
        &[],
        "a limit of requests",
    ),
    plain(
        ANY,
        &[Words::of(&[Too]), Words::of(&[Many, Quick]), Words::of(&[Request, Fail, Login])],
        NOTHING,
        Cause::RateLimited,
        &[],
        "too many requests",
    ),
    plain(
        ANY,
        &[Words::of(&[Limit]), Words::of(&[Exceed, Max]), Words::of(&[Request])],
        Words::of(&[Lifetime, Refresh]),
        Cause::RateLimited,
        &[],
        "a limit of requests",
    ),
    // Hydra and others serialize refreshes and refuse the second one.
    plain(
        REFRESH,
        &[Words::of(&[Concurrent])],
        NOTHING,
        Cause::ConcurrentRefreshRace,
        &[Cause::RotatedTokenReused, Cause::LostRotationNotPersisted],
        "refreshes at the same time",
    ),
    plain(
        ANY,
        &[Words::of(&[Unavailable])],
        Words::of(&[Scope, Token, User, Account, Resource]),
        Cause::ProviderOutage,
        &[Cause::UnknownBug],
        "a service that is not available",
    ),
    plain(
        ANY,
        &[Words::of(&[Temporary])],
        Words::of(&[Disable, Block, Password, Account, User]),
        Cause::ProviderOutage,
        &[Cause::UnknownBug],
        "something that passes",
    ),
    plain(
        ANY,
        &[Words::of(&[Internal]), Words::of(&[Error, Server])],
        NOTHING,
        Cause::ProviderOutage,
        &[Cause::UnknownBug],
        "an error of the server itself",
    ),
    plain(
        ANY,
        &[Words::of(&[Error]), Words::of(&[Retry])],
        NOTHING,
        Cause::ProviderOutage,
        &[Cause::UnknownBug],
        "something that may be tried again",
    ),
    plain(
        TOKEN_ENDPOINT,
        &[Words::of(&[Timeout])],
        Words::of(&[Session, Token, Code, Login]),
        Cause::ProviderOutage,
        &[Cause::NetworkOrTls],
        "a time limit inside the service",
    ),
];
