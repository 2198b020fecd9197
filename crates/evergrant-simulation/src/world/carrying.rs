//! Carrying out what engines want: in the store, in the lifeboat, and over the network.

use std::time::Duration;

use evergrant_proto::{
    engine::{Effect, EffectId, Outcome, Output},
    time::Moment,
    wire::http::{HttpRequest, HttpResponse, TransportFailure, TransportFailureKind},
};
use evergrant_rehearse::{Delivery, ExchangeId, Progress, Until};

use super::{
    Happening, Journey, ProcessId, World,
    doom::{Blow, Side, Work},
    trial,
};
use crate::{
    Mishap,
    judge::Circumstances,
    network::failure,
    party::{self, parameter},
};

impl World {
    pub(super) fn execute(&mut self, id: ProcessId, effect: EffectId, work: Box<Effect>) {
        let process = &mut self.processes[id.0];
        if !process.alive {
            return;
        }
        if process.paused {
            process.held.push(Happening::Execute(id, effect, work));
            return;
        }
        if self.processes[id.0].doom.is_some() {
            let kind = Work::of(&work);
            if self.strike(id, kind, Side::Before) {
                return self.execute(id, effect, work);
            }
            self.carry_out(id, effect, work);
            self.strike(id, kind, Side::After);
        } else {
            self.carry_out(id, effect, work);
        }
    }

    /// Strikes a process if its time has come. Returns whether it has.
    fn strike(&mut self, id: ProcessId, work: Work, side: Side) -> bool {
        let process = &mut self.processes[id.0];
        let Some(doom) = process.doom.filter(|doom| doom.work == work && doom.side == side) else {
            return false;
        };
        process.doom = None;
        let blow = if doom.blow == Blow::Kill { "Kill" } else { "Stop" };
        self.met.insert(format!("{work:?} {side:?} {blow}"));
        match doom.blow {
            Blow::Kill => {
                self.kill(id);
                self.start_later(1_500);
            }
            Blow::Stop(milliseconds) => {
                self.pause(id);
                self.after(milliseconds, Happening::GoOn(id));
            }
        }
        true
    }

    fn carry_out(&mut self, id: ProcessId, effect: EffectId, work: Box<Effect>) {
        let holder = self.processes[id.0].holder;
        if self.store.away && Work::of(&work) == Work::Read {
            self.store_failed_at = Some(self.now);
        }
        let mut latency = self.network.to_store(&mut self.dice);
        let outcome = match *work {
            Effect::Read(grant) => Outcome::Found(self.store.read(grant)),
            Effect::ReadDue { until, limit } => Outcome::Due(self.store.due(until, limit)),
            Effect::FindAuthorization(state) => Outcome::Authorization(self.store.authorization_of(&state)),
            Effect::Reserve => Outcome::Reserved(self.store.reserve(holder)),
            Effect::Release(slot) => return self.store.release(holder, slot),
            Effect::Transact(command) => {
                if let Some(delay) = self.store.hold_up(&command) {
                    self.note(|| format!("{id:?} {} waits {delay:?} ms", trial::describe(&command)));
                    if delay.before > 0 {
                        let again = Happening::Execute(id, effect, Box::new(Effect::Transact(command)));
                        return self.after(delay.before, again);
                    }
                    latency += delay.after;
                }
                let answer = self.transact(Some(id), &command);
                self.note_debt(id, &command, &answer, latency);
                Outcome::Transacted(answer)
            }
            Effect::Rescue { slot, command } => {
                self.note(|| format!("{id:?} rescues {}", trial::describe(&command)));
                let rescued = self.store.rescue(holder, slot, (*command).clone());
                if rescued.is_ok() {
                    self.judge.note_rescue(&command);
                }
                self.lifeboat_failed_at =
                    if rescued.is_err() { Some(self.now) } else { self.lifeboat_failed_at };
                Outcome::Rescued(rescued)
            }
            Effect::Send { request, not_after, deadline } => {
                return self.send(id, effect, &request, not_after, deadline);
            }
        };
        self.after(latency, Happening::Deliver(id, effect, Box::new(outcome)));
    }

    pub(super) fn deliver(&mut self, id: ProcessId, effect: EffectId, outcome: Box<Outcome>) {
        let process = &mut self.processes[id.0];
        if !process.alive {
            return;
        }
        if process.paused {
            process.held.push(Happening::Deliver(id, effect, outcome));
            return;
        }
        if process.doom.is_some() && self.strike(id, Work::behind(&outcome), Side::OnReturn) {
            return self.deliver(id, effect, outcome);
        }
        if let Outcome::Answered(answer) = &*outcome {
            // Only what comes first counts: the answer or the deadline.
            let Some(presentation) = self.processes[id.0].sending.remove(&effect) else { return };
            if let Some(number) = presentation {
                let wall = self.wall();
                self.judge.ended(number, answer, wall, self.now);
            }
            self.note(|| format!("{id:?} {effect:?} gets {}", trial::answer(answer)));
        }
        let now = self.reading();
        let _ = self.compare(id);
        self.processes[id.0].engine.handle_outcome(effect, *outcome, now);
        self.drain(id);
    }

    fn send(
        &mut self,
        id: ProcessId,
        effect: EffectId,
        sent: &HttpRequest,
        not_after: Moment,
        deadline: Duration,
    ) {
        if self.now > not_after.0 {
            self.processes[id.0].sending.insert(effect, None);
            return self.answer(id, effect, 0, Err(failure(TransportFailureKind::TooLate)));
        }
        let request = party::request(sent);
        let token = parameter(&request, "refresh_token");
        let mishap = self.network.mishap(token.is_some(), &mut self.dice);
        if let Some(mishap) = mishap {
            let name = format!("{mishap:?}");
            self.met.insert(name.split('(').next().unwrap_or_default().to_owned());
        }
        if let Some(code) = parameter(&request, "code") {
            self.judge.judge_code(&code, self.now);
        }
        if let Some(grant) = parameter(&request, "token").and_then(|token| self.judge.owner_of(&token)) {
            self.judge.judge_revocation(grant, self.now);
        }
        let presentation = token.map(|token| self.present(id, &token, deadline));
        self.note(|| format!("{id:?} {effect:?} sends to {} ({presentation:?}) {mishap:?}", request.path));
        self.processes[id.0].sending.insert(effect, presentation);
        let there = self.network.one_way(&mut self.dice);
        let journey = Box::new(Journey { process: id, effect, request, mishap });
        match mishap {
            Some(Mishap::Refused) => {
                return self.answer(id, effect, there, Err(failure(TransportFailureKind::Connect)));
            }
            Some(Mishap::RequestLost) => {}
            Some(Mishap::RequestDelayed(delay)) => self.after(there + delay, Happening::Arrive(journey)),
            _ => self.after(there, Happening::Arrive(journey)),
        }
        let limit = u64::try_from(deadline.as_millis()).expect("a deadline is short");
        self.answer(id, effect, limit, Err(failure(TransportFailureKind::Timeout)));
    }

    fn present(&mut self, id: ProcessId, token: &str, deadline: Duration) -> usize {
        let owner = self.judge.owner_of(token);
        let grant = owner.and_then(|id| self.store.load(id, None));
        let over = |id: ProcessId| self.store.has_ended(self.processes[id.0].holder);
        let circumstances = Circumstances {
            process: id,
            holder: self.processes[id.0].holder,
            now: self.now,
            wall: self.wall(),
            deadline,
            grant: grant.as_ref(),
            quarantined: self.store.quarantined,
            is_over: &over,
        };
        self.judge.present(token, &circumstances)
    }

    pub(super) fn arrive(&mut self, journey: Box<Journey>) {
        let progress = self.party.handle(journey.request.clone(), self.provider_time());
        self.proceed(journey, progress);
    }

    pub(super) fn resume_exchange(&mut self, exchange: ExchangeId) {
        let Some(journey) = self.waiting.remove(&exchange) else { return };
        if let Some(progress) = self.party.resume(exchange, self.provider_time()) {
            self.proceed(journey, progress);
        }
    }

    fn proceed(&mut self, journey: Box<Journey>, progress: Progress) {
        match progress {
            Progress::Wait { exchange, until } => {
                self.waiting.insert(exchange, journey);
                if let Until::After(delay) = until {
                    let delay = u64::try_from(delay.as_millis()).expect("a delay is short");
                    self.after(delay, Happening::Resume(exchange));
                }
            }
            Progress::Deliver(delivery) => self.bring_back(&journey, delivery),
        }
    }

    fn bring_back(&mut self, journey: &Journey, delivery: Delivery) {
        self.note_scope(&delivery);
        let mut back = self.network.one_way(&mut self.dice);
        match journey.mishap {
            Some(Mishap::ResponseLost) => return,
            Some(Mishap::ResponseDelayed(delay)) => back += delay,
            _ => {}
        }
        let broken = matches!(journey.mishap, Some(Mishap::Reset));
        let answer = match delivery {
            Delivery::Whole(response) if !broken => Ok(party::response(response)),
            // Where no length was announced, the end of a connection is the end of an answer. Of a refusal, what is left
            // would not tell the reason, which is judged.
            Delivery::Truncated(mut response, length)
                if !broken && response.status == 200 && self.now.is_multiple_of(2) =>
            {
                response.body.truncate(length);
                Ok(party::response(response))
            }
            _ => Err(failure(TransportFailureKind::Reset)),
        };
        self.answer(journey.process, journey.effect, back, answer);
    }

    /// What the provider issues, it issues for a scope.
    pub(super) fn note_scope(&mut self, delivery: &Delivery) {
        let Delivery::Whole(response) = delivery else { return };
        let Some(body) = response.to_json().filter(|_| response.status == 200) else { return };
        if let (Some(token), Some(scope)) = (body["access_token"].as_str(), body["scope"].as_str()) {
            self.judge.note_scope(token, scope);
        }
    }

    fn answer(
        &mut self,
        process: ProcessId,
        effect: EffectId,
        after: u64,
        answer: Result<HttpResponse, TransportFailure>,
    ) {
        self.after(after, Happening::Deliver(process, effect, Box::new(Outcome::Answered(answer))));
    }

    pub(super) fn drain(&mut self, id: ProcessId) {
        while let Some(output) = self.processes[id.0].engine.poll_output() {
            match output {
                Output::Perform(effect, work) => {
                    let latency = self.network.to_store(&mut self.dice);
                    self.after(latency, Happening::Execute(id, effect, Box::new(work)));
                }
                Output::Answer(call, answer) => self.answered(call, answer),
                Output::Publish(issue) => self.remember(id, issue),
                Output::Forget(grant, key) => self.forget(id, grant, key),
            }
        }
    }
}
