//! Commands in the lifeboat: a success that the database could not take, sealed, and read again later.

use evergrant_proto::{
    grant::{IssuedTokens, expose_issued, read_issued},
    name::{AttemptId, AuthorizationId, GrantId},
    time::Timestamp,
    transaction::{Command, Complete, Succeed},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::identity::Identity;
use crate::{
    key::KeyRing,
    lifeboat::{LifeboatError, Record},
    seal::SealedPlace,
    store::{Reason, StoreError, Unavailable},
};

/// All of a command but the tokens.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Frame {
    Succeed {
        grant: GrantId,
        attempt: AttemptId,
        client_version: u64,
        wall: Timestamp,
    },
    Complete {
        authorization: AuthorizationId,
        attempt: AttemptId,
        new_grant: GrantId,
        subject: Option<String>,
        tenant: Option<String>,
        wall: Timestamp,
    },
}

/// The record of a command that records a success; `None` for any other: nothing would be lost with it.
pub(super) fn record(keys: &KeyRing, identity: &Identity, command: &Command) -> Option<Record> {
    let (frame, attempt, subject, issued) = match command {
        Command::Succeed(succeed) => {
            let Succeed { grant, attempt, client_version, issued, wall } = succeed.as_ref().clone();
            (Frame::Succeed { grant, attempt, client_version, wall }, attempt, grant.to_string(), issued)
        }
        Command::Complete(complete) => {
            let Complete { authorization, attempt, new_grant, issued, subject, tenant, wall } =
                complete.as_ref().clone();
            let frame = Frame::Complete { authorization, attempt, new_grant, subject, tenant, wall };
            (frame, attempt, authorization.to_string(), issued)
        }
        _ => return None,
    };
    let sealed = keys.seal(&place(&attempt.to_string()), &join(&frame, &issued));
    Some(Record { store: identity.store, epoch: identity.epoch, attempt, subject, sealed })
}

/// The command of a record; `None` if it cannot be opened or read with what this process has.
pub(super) fn command(keys: &KeyRing, record: &Record) -> Option<Command> {
    let plain = keys.open(&place(&record.attempt.to_string()), &record.sealed).ok()?;
    let (length, rest) = plain.split_first_chunk()?;
    let (frame, issued) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let issued = read_issued(issued).ok()?;
    Some(match serde_json::from_slice(frame).ok()? {
        Frame::Succeed { grant, attempt, client_version, wall } => {
            Command::Succeed(Box::new(Succeed { grant, attempt, client_version, issued, wall }))
        }
        Frame::Complete { authorization, attempt, new_grant, subject, tenant, wall } => {
            Command::Complete(Box::new(Complete {
                authorization,
                attempt,
                new_grant,
                issued,
                subject,
                tenant,
                wall,
            }))
        }
    })
}

/// Whether the store could take other records than the one that met this error: the row of a grant or a client that
/// cannot be opened, or a defect that one of them meets, must not keep what was rescued for all others from landing.
pub(super) fn concerns_one_record(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable(unavailable) => {
            matches!(unavailable.reason, Reason::Damaged | Reason::Key | Reason::Defect)
        }
        StoreError::Conflict(_) | StoreError::Ambiguous(_) => false,
    }
}

/// The length of the frame in 4 bytes, the frame in JSON, the tokens.
fn join(frame: &Frame, issued: &IssuedTokens) -> Zeroizing<Vec<u8>> {
    let frame = serde_json::to_vec(frame).expect("ids, numbers and strings always serialize");
    let issued = expose_issued(issued);
    let mut plain = Zeroizing::new(Vec::with_capacity(4 + frame.len() + issued.len()));
    plain.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
    plain.extend_from_slice(&frame);
    plain.extend_from_slice(&issued);
    plain
}

fn place(attempt: &str) -> SealedPlace<'_> {
    SealedPlace { namespace: "", record: attempt, field: "lifeboat", generation: 0 }
}

impl From<LifeboatError> for Unavailable {
    fn from(error: LifeboatError) -> Self {
        let reason = if matches!(error, LifeboatError::Busy(_)) { Reason::Busy } else { Reason::Lifeboat };
        Self::new(reason, error)
    }
}

impl From<LifeboatError> for StoreError {
    fn from(error: LifeboatError) -> Self {
        Self::Unavailable(error.into())
    }
}
