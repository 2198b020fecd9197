//! After an adoption: which grants are unproven, whose turn it is, and what came of it.

use super::{Change, Claim, Command, Ending, Loaded, Reply, Want};
use crate::{
    client::{Candidate, ClientRecord, Probation, ProbeEnd},
    grant::{GrantRecord, Overtaken},
    time::Timestamp,
};

/// Takes the turn of an unproven grant. `Ok(None)`: it needs none. `Err`: not before this time.
pub(super) fn admit(
    grant: &GrantRecord,
    client: &ClientRecord,
    loaded: &Loaded,
    command: &Claim,
) -> Result<Option<Probation>, Timestamp> {
    if grant.life.adoption >= loaded.adoptions || sabotaged!(ProbeAllAtOnce) {
        return Ok(None);
    }
    let mut probation = client.probation.of(loaded.adoptions);
    let needed = command.want != Want::Early;
    let candidate = Candidate { grant: grant.id, attempt: command.attempt, needed };
    probation.admit(candidate, command.wall, loaded.now)?;
    Ok(Some(probation))
}

/// Notes what the command tells about a probe, and that a grant which holds something new is proven.
pub(super) fn conclude(loaded: &Loaded, command: &Command, change: &mut Change) {
    if loaded.adoptions == 0 {
        return;
    }
    prove(loaded, command, change);
    let Some(client) = &loaded.client else { return };
    let (attempt, end, wall) = match command {
        Command::Succeed(succeed) => (succeed.attempt, ProbeEnd::Accepted, succeed.wall),
        Command::Refuse(refuse) => (refuse.attempt, ProbeEnd::Refused, refuse.wall),
        Command::RejectClient(reject) => (reject.attempt, ProbeEnd::Inconclusive, reject.wall),
        Command::End(ended) => match ended.ending {
            Ending::Unknown(_) => (ended.attempt, ProbeEnd::Unknown, ended.wall),
            Ending::Inactive => (ended.attempt, ProbeEnd::Refused, ended.wall),
            _ => (ended.attempt, ProbeEnd::Inconclusive, ended.wall),
        },
        _ => return,
    };
    let mut probation = client.probation.of(loaded.adoptions);
    probation.concluded(attempt, end, wall, loaded.now);
    if probation != client.probation {
        change.client.get_or_insert_with(|| ClientRecord::clone(client)).probation = probation;
    }
}

fn prove(loaded: &Loaded, command: &Command, change: &mut Change) {
    if !matches!(command, Command::Succeed(_) | Command::Import(_) | Command::Complete(_)) {
        return;
    }
    let before = loaded.grant.as_ref().map(|grant| grant.generation);
    let adoptions = loaded.adoptions;
    let in_reply = match &mut change.reply {
        Reply::Grant(grant) => Some(&mut **grant),
        Reply::Connected(connected) => Some(&mut connected.grant),
        _ => None,
    };
    for grant in change.grant.iter_mut().chain(in_reply).filter(|grant| Some(grant.generation) != before) {
        if let Command::Succeed(succeed) = command
            && grant.life.adoption < adoptions
        {
            grant.overtaken = Some(Overtaken::forgotten(succeed.wall));
        }
        grant.life.adoption = adoptions;
    }
}
