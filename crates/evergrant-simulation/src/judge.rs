//! The judge: whether a refresh token may be presented (DESIGN, step 8), by rules of its own, and what must never happen.

use std::{collections::BTreeMap, time::Duration};

use evergrant_proto::{
    grant::{AccessKey, Attempt, GrantRecord, GrantState},
    name::{AttemptId, Fence, Generation, GrantId, HolderId},
    provider::RotationKind,
    time::Timestamp,
    wire::http::{HttpResponse, RequestSent, TransportFailure},
};

use crate::{ProcessId, Scene};

/// How long the owner of an open attempt is waited for, as DESIGN step 8 says.
const OWNER_WAIT: Duration = Duration::from_secs(600);

/// One refresh token on its way to the provider.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// Who sent it.
    pub process: ProcessId,
    /// The attempt that was journalled for it.
    pub attempt: Option<AttemptId>,
    /// When, in milliseconds of the world.
    pub sent_at: u64,
    /// How it ended, as far as the sender knows.
    pub end: Option<PresentationEnd>,
}

/// What the sender learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentationEnd {
    /// Tokens came.
    Tokens,
    /// The provider said that the token is dead.
    Dead,
    /// Provably not processed.
    NotProcessed,
    /// Nobody knows.
    Unknown,
}

/// What the judge has to know besides about the moment of a presentation.
pub(crate) struct Circumstances<'a> {
    pub(crate) process: ProcessId,
    pub(crate) holder: HolderId,
    pub(crate) now: u64,
    pub(crate) wall: Timestamp,
    pub(crate) grant: Option<&'a GrantRecord>,
    /// Whether nothing can come from the process of an earlier presentation any more.
    pub(crate) is_over: &'a dyn Fn(ProcessId) -> bool,
    /// Whether the outcome of an attempt is in the store: what is not there, only its own process knows.
    pub(crate) is_recorded: &'a dyn Fn(AttemptId) -> bool,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    generation: Generation,
    lineage_start: Generation,
    fence: Fence,
    revoked: bool,
    removed: bool,
}

/// Remembers what was sent, and what was found wrong.
#[derive(Debug)]
pub struct Judge {
    scene: Scene,
    presentations: Vec<Presentation>,
    of_token: BTreeMap<String, Vec<usize>>,
    marks: BTreeMap<GrantId, Mark>,
    /// What broke the protocol; empty in a good world.
    pub violations: Vec<String>,
}

impl Judge {
    pub(crate) fn new(scene: Scene) -> Self {
        Self {
            scene,
            presentations: Vec::new(),
            of_token: BTreeMap::new(),
            marks: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// Everything that was presented.
    pub fn presentations(&self) -> &[Presentation] {
        &self.presentations
    }

    /// The presentations of one refresh token.
    pub fn presentations_of(&self, token: &str) -> impl Iterator<Item = &Presentation> {
        self.of_token.get(token).into_iter().flatten().map(|index| &self.presentations[*index])
    }

    /// A refresh token is about to be sent. Returns the number of the presentation.
    pub(crate) fn present(&mut self, token: &str, moment: &Circumstances<'_>) -> usize {
        let known = |one: &Presentation| {
            let known =
                one.process == moment.process || one.attempt.is_some_and(|id| (moment.is_recorded)(id));
            Presentation { end: one.end.filter(|_| known), ..one.clone() }
        };
        let earlier: Vec<_> = self.presentations_of(token).map(known).collect();
        if let Some(objection) = self.objection(&earlier, moment) {
            self.violations.push(format!("at {} ms {:?}: {objection}", moment.now, moment.process));
        }
        if let Some(GrantState::NeedsReauthorization { .. }) = moment.grant.map(|grant| &grant.state) {
            self.violations.push(format!("at {} ms a dead grant's token was presented", moment.now));
        }
        let number = self.presentations.len();
        let own = |attempt: &&Attempt| attempt.is_open() && attempt.holder == moment.holder;
        let attempts = moment.grant.into_iter().flat_map(|grant| &grant.attempts);
        let attempt = attempts.filter(own).max_by_key(|attempt| attempt.fence).map(|attempt| attempt.id);
        let (process, sent_at) = (moment.process, moment.now);
        self.presentations.push(Presentation { process, attempt, sent_at, end: None });
        self.of_token.entry(token.to_owned()).or_default().push(number);
        number
    }

    /// The sender learned how a presentation ended.
    pub(crate) fn ended(&mut self, number: usize, answer: &Result<HttpResponse, TransportFailure>) {
        self.presentations[number].end = Some(end_of(answer));
    }

    fn objection(&self, earlier: &[Presentation], moment: &Circumstances<'_>) -> Option<String> {
        let kind = self.scene.known.kind;
        let keeps = matches!(kind, RotationKind::Reusable | RotationKind::UntilSuccessorUsed);
        if earlier.iter().any(|one| one.end == Some(PresentationEnd::Dead)) {
            return Some("a token that the provider had refused was presented again".to_owned());
        }
        if !keeps && earlier.iter().any(|one| one.end == Some(PresentationEnd::Tokens)) {
            return Some("a token that had brought its successor was presented again".to_owned());
        }
        let doubtful: Vec<_> =
            earlier.iter().filter(|one| !matches!(one.end, Some(PresentationEnd::NotProcessed))).collect();
        let first = doubtful.iter().map(|one| one.sent_at).min()?;
        match kind {
            RotationKind::Reusable | RotationKind::UntilSuccessorUsed | RotationKind::OneTime => None,
            _ if self.in_window(first, doubtful.len(), moment.now) => None,
            _ => Self::strict_objection(&doubtful, moment),
        }
    }

    fn in_window(&self, first: u64, presentations: usize, now: u64) -> bool {
        let known = &self.scene.known;
        let windowed = !matches!(known.kind, RotationKind::ReplayRevokes | RotationKind::Unknown);
        let in_time = known.window.is_none_or(|window| Duration::from_millis(now - first) < window);
        let counted = known.count.is_none_or(|count| presentations <= count as usize);
        windowed && in_time && counted && (known.window.is_some() || known.count.is_some())
    }

    fn strict_objection(doubtful: &[&Presentation], moment: &Circumstances<'_>) -> Option<String> {
        let access = moment.grant.and_then(|grant| grant.access_for(&AccessKey::default()));
        let serves = access.is_some_and(|entry| {
            !entry.rejected && entry.usable_until().is_some_and(|end| end > moment.wall)
        });
        if serves {
            return Some("a token in doubt was presented although the access token is good".to_owned());
        }
        let open = doubtful.iter().find(|one| {
            let waited = Duration::from_millis(moment.now - one.sent_at) >= OWNER_WAIT;
            let own = one.process == moment.process;
            one.end.is_none() && !own && !(moment.is_over)(one.process) && !waited
        });
        open.map(|one| format!("a token in doubt was presented while {:?} may still succeed", one.process))
    }

    /// What no transaction may do to a grant.
    pub(crate) fn look_at(&mut self, grant: &GrantRecord, now: u64) {
        let mark = Mark {
            generation: grant.generation,
            lineage_start: grant.lineage_start,
            fence: grant.fence,
            revoked: grant.state == GrantState::Revoked,
            removed: grant.removed_at.is_some(),
        };
        let Some(before) = self.marks.insert(grant.id, mark) else { return };
        let mut object = |broken: bool, what: &str| {
            if broken {
                self.violations.push(format!("at {now} ms {what} of grant {}", grant.id));
            }
        };
        object(mark.generation < before.generation, "the generation went back");
        object(mark.lineage_start < before.lineage_start, "the lineage went back");
        object(mark.fence < before.fence, "the fence went back");
        object(before.revoked && !mark.revoked, "the revocation was undone");
        object(before.removed && !mark.removed, "the removal was undone");
    }
}

/// The judge's own reading of an answer; it shares no code with what it judges.
fn end_of(answer: &Result<HttpResponse, TransportFailure>) -> PresentationEnd {
    let response = match answer {
        Ok(response) => response,
        Err(failure) if failure.request_sent == RequestSent::No => return PresentationEnd::NotProcessed,
        Err(_) => return PresentationEnd::Unknown,
    };
    let says = |text: &str| String::from_utf8_lossy(&response.body).contains(text);
    match response.status {
        200 if says("access_token") => PresentationEnd::Tokens,
        400 if says("\"invalid_grant\"") => PresentationEnd::Dead,
        429 | 503 => PresentationEnd::NotProcessed,
        400..=499 if says("\"error\"") => PresentationEnd::NotProcessed,
        _ => PresentationEnd::Unknown,
    }
}
