//! Whether a refresh token may be presented (DESIGN, step 8).

use std::time::Duration;

use evergrant_proto::{
    grant::{Attempt, GrantRecord, GrantState},
    name::{AttemptId, Generation, GrantId, HolderId},
    provider::RotationKind,
    time::Timestamp,
    wire::http::{HttpResponse, RequestSent, TransportFailure},
};

use super::Judge;
use crate::{Invariant, ProcessId};

/// How long the owner of an open attempt is waited for, as DESIGN step 8 says.
pub(crate) const OWNER_WAIT: Duration = Duration::from_secs(600);

/// The first byte leaves at most this long after the attempt was journalled, as DESIGN step 4 says.
const SEND_WITHIN: u64 = 15_000;

/// How long a process has its grant to itself without saying anything, as DESIGN step 3 says.
const LEASE: u64 = 60_000;

/// The longest that a provider's `Retry-After` is obeyed, in seconds.
const LONGEST_ASKED: u64 = 3600;

/// One refresh token on its way to the provider.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// Who sent it.
    pub process: ProcessId,
    /// The attempt that was journalled for it.
    pub attempt: Option<AttemptId>,
    /// Whose token it is.
    pub grant: Option<GrantId>,
    /// The generation that it belongs to.
    pub generation: Option<Generation>,
    /// When, in milliseconds of the world.
    pub sent_at: u64,
    /// When the attempt was journalled: from then on its owner is waited for.
    pub journalled_at: u64,
    /// How it ended, as far as the sender knows.
    pub end: Option<PresentationEnd>,
    /// When the sender heard of it.
    pub heard_at: Option<u64>,
    /// Until when the provider asked not to be asked again, by our wall clock, and how often that was set before.
    pub not_before: Option<(Timestamp, u32)>,
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
    /// When this request is given up if no answer has come.
    pub(crate) deadline: Duration,
    pub(crate) grant: Option<&'a GrantRecord>,
    /// Whether the store is a copy, or was restored, and nobody has adopted it.
    pub(crate) quarantined: bool,
    /// Whether nothing can come from the process of an earlier presentation any more.
    pub(crate) is_over: &'a dyn Fn(ProcessId) -> bool,
}

impl Judge {
    /// Everything that was presented.
    pub fn presentations(&self) -> &[Presentation] {
        &self.presentations
    }

    /// When the last presentation of any token of this grant that brought tokens was sent.
    pub(crate) fn last_tokens(&self, grant: GrantId) -> Option<u64> {
        let brought = |one: &&Presentation| one.end == Some(PresentationEnd::Tokens);
        let presentations = self.tokens_of(grant).flat_map(|token| self.presentations_of(token));
        presentations.filter(brought).map(|one| one.sent_at).max()
    }

    /// The presentations of one refresh token.
    pub fn presentations_of(&self, token: &str) -> impl Iterator<Item = &Presentation> {
        self.of_token.get(token).into_iter().flatten().map(|index| &self.presentations[*index])
    }

    /// A refresh token is about to be sent. Returns the number of the presentation.
    pub(crate) fn present(&mut self, token: &str, moment: &Circumstances<'_>) -> usize {
        let number = self.presentations.len();
        let attempt = self.journalled(number, moment);
        // What is not in the store when the attempt is journalled, only its own process knows.
        let decided =
            attempt.and_then(|attempt| self.claimed.get(&attempt.id)).copied().unwrap_or(self.command);
        let known = |one: &Presentation| {
            let recorded = one.attempt.and_then(|id| self.recorded.get(&id));
            let known = one.process == moment.process || recorded.is_some_and(|command| *command <= decided);
            Presentation { end: one.end.filter(|_| known), ..one.clone() }
        };
        let earlier: Vec<_> = self.presentations_of(token).map(known).collect();
        if moment.quarantined {
            let evidence = format!("{:?} presents a token although the store is quarantined", moment.process);
            self.object(Invariant::OnePresentation, moment.now, evidence);
        }
        if let Some(objection) =
            self.overlap(token, attempt, moment).or_else(|| self.objection(&earlier, attempt, moment))
        {
            let history: Vec<_> = earlier
                .iter()
                .map(|one| format!("{:?} at {} ms: {:?}", one.process, one.sent_at, one.end))
                .collect();
            let evidence = format!(
                "{:?} presents a token of {:?} again: {objection}; earlier: {}",
                moment.process,
                moment.grant.map(|grant| grant.id.to_string()),
                history.join(", ")
            );
            self.object(Invariant::OnePresentation, moment.now, evidence);
        }
        self.judge_traffic(moment);
        self.presentations.push(Presentation {
            process: moment.process,
            attempt: attempt.map(|attempt| attempt.id),
            grant: moment.grant.map(|grant| grant.id),
            generation: attempt.map(|attempt| attempt.generation),
            sent_at: moment.now,
            journalled_at: attempt.map_or(moment.now, |attempt| attempt.journalled_on.milliseconds),
            end: None,
            heard_at: None,
            not_before: None,
        });
        if let Some(attempt) = attempt {
            self.judge_probe(attempt.id, number, moment.now);
        }
        self.of_token.entry(token.to_owned()).or_default().push(number);
        number
    }

    /// The sender learned how a presentation ended.
    pub(crate) fn ended(
        &mut self,
        number: usize,
        answer: &Result<HttpResponse, TransportFailure>,
        wall: Timestamp,
        now: u64,
    ) {
        let presentation = &mut self.presentations[number];
        presentation.end = Some(end_of(answer));
        presentation.heard_at = Some(now);
        let asked = answer.as_ref().ok().and_then(|response| response.header("retry-after"));
        let seconds = asked.and_then(|text| text.parse::<u64>().ok());
        let until = |seconds: u64| wall.plus(Duration::from_secs(seconds.min(LONGEST_ASKED)));
        presentation.not_before = seconds.map(|seconds| (until(seconds), self.traffic.clock_settings));
    }

    /// The attempt that was journalled for this presentation: there must be one, recent, and for this request alone.
    fn journalled<'a>(&mut self, number: usize, moment: &Circumstances<'a>) -> Option<&'a Attempt> {
        let own = |attempt: &&Attempt| attempt.is_open() && attempt.holder == moment.holder;
        let attempts = moment.grant.into_iter().flat_map(|grant| &grant.attempts);
        let attempt = attempts.filter(own).max_by_key(|attempt| attempt.fence);
        let complaint = match attempt {
            None => Some("no attempt of this process is open in the journal".to_owned()),
            Some(attempt) if self.of_attempt.insert(attempt.id, number).is_some() => {
                Some(format!("attempt {} was sent before", attempt.id))
            }
            // One that lies ahead was journalled by a clock that somebody can set.
            Some(attempt)
                if moment
                    .now
                    .checked_sub(attempt.journalled_on.milliseconds)
                    .is_none_or(|age| age > SEND_WITHIN) =>
            {
                Some(format!(
                    "attempt {} was journalled at {} ms",
                    attempt.id, attempt.journalled_on.milliseconds
                ))
            }
            Some(_) => None,
        };
        if let Some(complaint) = complaint {
            let evidence = format!("{:?} presents a token, and {complaint}", moment.process);
            self.object(Invariant::OnePresentation, moment.now, evidence);
        }
        attempt
    }

    /// Whether somebody is at it: the process itself, or another one that lives and whose lease still stands.
    fn overlap(&self, token: &str, attempt: Option<&Attempt>, moment: &Circumstances<'_>) -> Option<String> {
        let generation = attempt.map(|attempt| attempt.generation);
        let open = self.presentations_of(token).filter(|one| {
            one.end.is_none() && one.generation == generation && !(moment.is_over)(one.process)
        });
        let at_it = |one: &&Presentation| {
            one.process == moment.process || moment.now.saturating_sub(one.journalled_at) < LEASE
        };
        let other = open.into_iter().find(at_it)?;
        Some(format!("{:?} has sent it at {} ms and waits for the answer", other.process, other.sent_at))
    }

    /// The number of the command that recorded how an attempt ended.
    pub(crate) fn recorded_as(&self, attempt: AttemptId) -> Option<u64> {
        self.recorded.get(&attempt).copied()
    }

    /// Whether these attempts to present a token, of which one was refused, may have cost it, by what the provider is known to do:
    /// where that takes it once more, they do not. The refusal is recorded now.
    pub(crate) fn may_cost_the_token(
        &self,
        grant: &GrantRecord,
        token: &str,
        attempts: &[&Attempt],
        (now, wall): (u64, Timestamp),
    ) -> bool {
        let known = &self.scene.known;
        // Whether those were sent whose process has ended, our records do not say.
        let journalled = attempts.iter().map(|attempt| attempt.journalled_on.milliseconds);
        // What is journalled between a refusal and its record looks as if it had come before, by a clock that was set back.
        let refused = self.presentations_of(token).filter(|one| one.end == Some(PresentationEnd::Dead));
        let refused = refused.filter_map(|one| one.heard_at).min();
        let in_turn = journalled.clone().max() <= refused;
        let span = journalled.min().map(|first| Duration::from_millis(now.saturating_sub(first)));
        // A claim that the store was slow with is older by the wall clock.
        let claimed = attempts.iter().map(|attempt| attempt.journalled_at).min();
        let span = span.max(claimed.map(|first| wall.since(first)));
        let inside = known.window.zip(span).is_none_or(|(window, span)| span < window);
        let counted = known.count.is_none_or(|count| attempts.len() <= count as usize + 1);
        // Of one that was put back, the attempts are those of earlier generations, too.
        let forgiven = inside && counted && in_turn && grant.put_back.is_none();
        match known.kind {
            // A provider that is seen to rotate where it is said not to is not taken at its word.
            RotationKind::Reusable => grant.predecessor.is_some(),
            RotationKind::UntilSuccessorUsed if self.is_unbounded() => false,
            RotationKind::GraceSame
            | RotationKind::GraceNew
            | RotationKind::LatestWins
            | RotationKind::UntilSuccessorUsed
            | RotationKind::LongOverlap => self.is_unbounded() || !forgiven,
            _ => true,
        }
    }

    fn objection(
        &self,
        earlier: &[Presentation],
        attempt: Option<&Attempt>,
        moment: &Circumstances<'_>,
    ) -> Option<String> {
        let kind = self.scene.known.kind;
        let keeps = matches!(kind, RotationKind::Reusable | RotationKind::UntilSuccessorUsed);
        // Where tokens are never replaced, the same one lives on in the next generation.
        let reusable = kind == RotationKind::Reusable;
        let of_now = |one: &&Presentation| {
            !reusable || attempt.is_none_or(|attempt| Some(attempt.generation) == one.generation)
        };
        if earlier.iter().filter(of_now).any(|one| one.end == Some(PresentationEnd::Dead)) {
            return Some("the provider had refused it".to_owned());
        }
        if !keeps && earlier.iter().any(|one| one.end == Some(PresentationEnd::Tokens)) {
            return Some("it had brought its successor".to_owned());
        }
        let doubtful: Vec<_> =
            earlier.iter().filter(|one| !matches!(one.end, Some(PresentationEnd::NotProcessed))).collect();
        let first = doubtful.iter().map(|one| one.sent_at).min()?;
        match kind {
            RotationKind::Reusable | RotationKind::OneTime => None,
            RotationKind::UntilSuccessorUsed if self.is_unbounded() => None,
            _ if self.in_window(first, doubtful.len(), moment) => None,
            _ => strict_objection(&doubtful, attempt, moment),
        }
    }

    /// The provider has to see it inside its window, whenever it arrives before we give it up.
    fn in_window(&self, first: u64, presentations: usize, moment: &Circumstances<'_>) -> bool {
        let known = &self.scene.known;
        let windowed = !matches!(known.kind, RotationKind::ReplayRevokes | RotationKind::Unknown);
        let latest = Duration::from_millis(moment.now - first) + moment.deadline;
        let in_time = known.window.is_none_or(|window| latest <= window);
        let counted = known.count.is_none_or(|count| presentations <= count as usize);
        windowed && in_time && counted && !self.is_unbounded()
    }

    /// Whether the provider is known to forgive replays for ever, or not at all.
    fn is_unbounded(&self) -> bool {
        self.scene.known.window.is_none() && self.scene.known.count.is_none()
    }
}

fn strict_objection(
    doubtful: &[&Presentation],
    attempt: Option<&Attempt>,
    moment: &Circumstances<'_>,
) -> Option<String> {
    let access = attempt.and_then(|attempt| moment.grant?.access_for(&attempt.key));
    // What an authorization brought since the claim says nothing about the token that was claimed.
    let own = access.filter(|entry| attempt.is_some_and(|attempt| entry.generation <= attempt.generation));
    let end = own.filter(|entry| !entry.rejected).and_then(evergrant_proto::grant::AccessEntry::usable_until);
    // By the clock that the claim was made by, too: it may have been set since.
    let wall = attempt.map_or(moment.wall, |attempt| moment.wall.max(attempt.journalled_at));
    if end.is_some_and(|end| end > wall) {
        return Some("it is in doubt, although the access token is good".to_owned());
    }
    let open = doubtful.iter().find(|one| {
        let waited = Duration::from_millis(moment.now.saturating_sub(one.journalled_at)) >= OWNER_WAIT;
        one.end.is_none() && !(moment.is_over)(one.process) && !waited
    });
    open.map(|one| format!("it is in doubt, while {:?} may still succeed", one.process))
}

/// Whether the record says that nobody may ask the provider any more.
pub(super) fn is_closed(grant: &GrantRecord) -> bool {
    matches!(grant.state, GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable)
}

/// The judge's own reading of an answer.
fn end_of(answer: &Result<HttpResponse, TransportFailure>) -> PresentationEnd {
    let response = match answer {
        Ok(response) => response,
        Err(failure) if failure.request_sent == RequestSent::No => return PresentationEnd::NotProcessed,
        Err(_) => return PresentationEnd::Unknown,
    };
    let says = |text: &str| String::from_utf8_lossy(&response.body).contains(text);
    match response.status {
        // An answer that was cut off says only that there was one.
        200 if says("access_token") && response.body.ends_with(b"}") => PresentationEnd::Tokens,
        400 if says("\"invalid_grant\"") => PresentationEnd::Dead,
        429 | 503 => PresentationEnd::NotProcessed,
        400..=499 if says("\"error\"") => PresentationEnd::NotProcessed,
        _ => PresentationEnd::Unknown,
    }
}
