//! One engine, driven by hand.

use std::time::Duration;

use zeroize::Zeroizing;

use super::*;
use crate::{
    diagnosis::PreviousOutcome,
    name::AttemptId,
    transaction::{
        Claim, Command, Ending, Reply,
        tests::world::{GRANT, World},
    },
    wire::http::HttpResponse,
};

const CALL: CallId = CallId(1);

/// An engine at its start, what the store holds, and the time.
struct Scene {
    engine: Engine,
    world: World,
    now: Now,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let now = Now { wall: world.wall, moment: Moment(3_600_000) };
        let settings = Settings { scheduler: false, ..Settings::default() };
        Self { engine: Engine::new(settings, HolderId(1), [7; 32], now), world, now }
    }

    /// One whose grant holds an access token that lives for an hour.
    fn with_a_living_token() -> Self {
        let mut scene = Self::new();
        scene.world.claim(1);
        scene.world.succeed(1, "second");
        scene
    }

    fn advance(&mut self, duration: Duration) {
        self.now.wall = self.now.wall.plus(duration);
        self.now.moment = self.now.moment.plus(duration);
        self.engine.handle_timeout(self.now);
    }

    fn ask(&mut self, call: CallId, key: AccessKey) {
        let want = Want::Usable { min_ttl: Duration::ZERO };
        self.engine.handle_call(call, TokenRequest { grant: GRANT, key, want }, self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.engine.poll_output()).collect()
    }

    /// The one effect that is asked for.
    fn effect(&mut self) -> (EffectId, Effect) {
        let mut effects = self.outputs().into_iter().filter_map(effect_of);
        let effect = effects.next().expect("something is to be done");
        assert_eq!(effects.next(), None);
        effect
    }

    fn tell(&mut self, effect: EffectId, outcome: Outcome) -> Vec<Output> {
        self.engine.handle_outcome(effect, outcome, self.now);
        self.outputs()
    }

    /// What a read brings now.
    fn found(&self) -> Outcome {
        Outcome::Found(Ok(Some(Box::new((self.world.grant().clone(), self.world.client())))))
    }
}

fn published(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Publish(_)))
}

fn forgotten(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Forget(..)))
}

fn answer(outputs: &[Output], call: CallId) -> Option<Answer> {
    outputs.iter().find_map(|output| match output {
        Output::Answer(to, answer) if *to == call => Some(answer.clone()),
        _ => None,
    })
}

fn refusal(outputs: &[Output], call: CallId) -> Refusal {
    match answer(outputs, call) {
        Some(Answer::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_read_that_was_asked_for_before_its_grant_was_changed_answers_and_is_not_published() {
    let mut scene = Scene::with_a_living_token();
    scene.ask(CALL, AccessKey::default());
    let (effect, found) = (scene.effect().0, scene.found());
    // Another process rejects the token, and the watch notices it, while the answer is on its way.
    scene.engine.handle_changes(|grant| grant == GRANT);
    let outputs = scene.tell(effect, found);
    assert!(forgotten(&outputs) && !published(&outputs), "{outputs:?}");
    assert!(matches!(answer(&outputs, CALL), Some(Answer::Token(_))), "it was true when it was asked for");
}

#[test]
fn a_change_of_another_grant_keeps_nothing_from_being_published() {
    let mut scene = Scene::with_a_living_token();
    scene.ask(CALL, AccessKey::default());
    let (effect, found) = (scene.effect().0, scene.found());
    scene.engine.handle_changes(|grant| grant != GRANT);
    assert!(published(&scene.tell(effect, found)));
}

#[test]
fn what_is_asked_for_after_a_change_was_noticed_is_published() {
    let mut scene = Scene::with_a_living_token();
    scene.engine.handle_changes(|_| true);
    scene.ask(CALL, AccessKey::default());
    let (effect, found) = (scene.effect().0, scene.found());
    assert!(published(&scene.tell(effect, found)));
}

/// A caller joins a flight that reads nothing: the grant is looked at for it.
#[test]
fn a_look_that_was_asked_for_before_its_grant_was_changed_is_not_published() {
    let mut scene = Scene::new();
    scene.ask(CALL, AccessKey::default());
    let (read, found) = (scene.effect().0, scene.found());
    scene.tell(read, found);
    scene.ask(CallId(2), AccessKey::default());
    let look = scene.outputs().into_iter().find_map(|output| match output {
        Output::Perform(id, Effect::Read(_)) => Some(id),
        _ => None,
    });
    scene.world.claim(9);
    scene.world.succeed(9, "by another process");
    let found = scene.found();
    scene.engine.handle_changes(|grant| grant == GRANT);
    let outputs = scene.tell(look.unwrap(), found);
    assert!(forgotten(&outputs) && !published(&outputs), "{outputs:?}");
}

/// A caller's refresh up to the commit of what it brought, which has landed: nobody has told the engine yet.
fn committing(scene: &mut Scene) -> (EffectId, Reply) {
    scene.ask(CALL, AccessKey::default());
    let (read, found) = (scene.effect().0, scene.found());
    let reserve = performed(scene.tell(read, found));
    assert_eq!(reserve.1, Effect::Reserve);
    let claim = performed(scene.tell(reserve.0, Outcome::Reserved(Ok(SlotId(1)))));
    let Effect::Transact(command) = claim.1 else { panic!("{:?}", claim.1) };
    assert!(matches!(*command, Command::Claim(_)));
    let claimed = scene.world.apply(&command).reply;
    let send = performed(scene.tell(claim.0, Outcome::Transacted(Ok(claimed))));
    assert!(matches!(send.1, Effect::Send { .. }));
    let tokens = r#"{"access_token":"at","token_type":"Bearer","expires_in":3600,"refresh_token":"new"}"#;
    let commit = performed(scene.tell(send.0, Outcome::Answered(Ok(json(tokens)))));
    let Effect::Transact(command) = commit.1 else { panic!("{:?}", commit.1) };
    let written = scene.world.apply(&command).reply;
    assert!(matches!(written, Reply::Grant(_)), "{written:?}");
    (commit.0, written)
}

/// A commit of ours that was overtaken by a change of somebody else: whoever waits is told what the grant is now.
#[test]
fn a_commit_that_was_overtaken_by_a_change_is_read_again_before_it_is_handed_out() {
    let mut scene = Scene::new();
    let (commit, written) = committing(&mut scene);
    // Another process rejects what it brought, and the watch is faster than the answer.
    scene.engine.handle_changes(|grant| grant == GRANT);
    let outputs = scene.tell(commit, Outcome::Transacted(Ok(written)));
    assert!(!published(&outputs), "{outputs:?}");
    assert!(outputs.iter().any(|output| matches!(output, Output::Perform(_, Effect::Read(GRANT)))));
}

/// It landed unheard, was rejected, and goes into the lifeboat only then.
#[test]
fn what_is_rescued_after_its_grant_was_changed_is_not_handed_out_before_somebody_has_looked() {
    let mut scene = Scene::new();
    let (commit, _) = committing(&mut scene);
    scene.world.reject();
    scene.engine.handle_changes(|grant| grant == GRANT);
    let unheard = StoreFailure::Ambiguous("the connection broke".to_owned());
    let (rescue, effect) = performed(scene.tell(commit, Outcome::Transacted(Err(unheard))));
    assert!(matches!(effect, Effect::Rescue { .. }), "{effect:?}");
    let outputs = scene.tell(rescue, Outcome::Rescued(Ok(())));
    assert!(!published(&outputs) && answer(&outputs, CALL).is_none(), "{outputs:?}");
    let (look, effect) = performed(outputs);
    assert_eq!(effect, Effect::Read(GRANT));
    let found = scene.found();
    let outputs = scene.tell(look, found);
    assert_eq!(answer(&outputs, CALL), None, "the store knows it as rejected");
}

#[test]
fn what_is_rescued_without_a_change_is_handed_out_at_once() {
    let mut scene = Scene::new();
    let (commit, _) = committing(&mut scene);
    let unheard = StoreFailure::Ambiguous("the connection broke".to_owned());
    let (rescue, _) = performed(scene.tell(commit, Outcome::Transacted(Err(unheard))));
    let outputs = scene.tell(rescue, Outcome::Rescued(Ok(())));
    assert!(published(&outputs), "{outputs:?}");
    assert!(matches!(answer(&outputs, CALL), Some(Answer::Token(_))), "{outputs:?}");
}

/// What a caller is told when every try to reserve a place in the lifeboat ends like this.
fn refused_without_a_place(failure: &StoreFailure) -> Refusal {
    let mut scene = Scene::new();
    scene.ask(CALL, AccessKey::default());
    loop {
        let outputs = scene.outputs();
        if let Some(Answer::Refused(refusal)) = answer(&outputs, CALL) {
            return *refusal;
        }
        match outputs.into_iter().find_map(effect_of) {
            Some((id, Effect::Read(_))) => {
                let found = scene.found();
                scene.engine.handle_outcome(id, found, scene.now);
            }
            Some((id, Effect::Reserve)) => {
                let reserved = Outcome::Reserved(Err(failure.clone()));
                scene.engine.handle_outcome(id, reserved, scene.now);
            }
            Some(other) => panic!("nothing is sent without a place in the lifeboat: {other:?}"),
            None => scene.advance(Duration::from_millis(250)),
        }
    }
}

#[test]
fn a_caller_that_finds_no_room_for_one_more_request_is_told_to_come_back() {
    let refused = refused_without_a_place(&StoreFailure::Busy);
    assert_eq!(refused, Refusal::InProgress { retry_after: Duration::from_secs(1) });
}

#[test]
fn a_lifeboat_that_cannot_be_used_is_told_as_trouble_of_the_store() {
    let refused = refused_without_a_place(&StoreFailure::Away("its file is gone".to_owned()));
    assert_eq!(refused, Refusal::StoreUnavailable("its file is gone".to_owned()));
}

/// It waits in line behind a flight for another resource, which itself waits for an answer.
#[test]
fn a_caller_in_line_is_answered_when_its_own_time_is_over() {
    let mut scene = Scene::new();
    scene.ask(CALL, AccessKey::default());
    scene.effect();
    let special = AccessKey { resource: Some("https://api.example".to_owned()), ..AccessKey::default() };
    scene.advance(Duration::from_secs(4));
    scene.outputs();
    scene.ask(CallId(2), special);
    scene.outputs();
    scene.advance(Duration::from_secs(6));
    let outputs = scene.outputs();
    assert!(matches!(refusal(&outputs, CALL), Refusal::InProgress { .. }));
    scene.advance(Duration::from_secs(3));
    assert_eq!(answer(&scene.outputs(), CallId(2)), None, "nine seconds have passed for it");
    assert!(scene.engine.poll_timeout().is_some(), "somebody wakes the engine for it");
    scene.advance(Duration::from_secs(1));
    assert!(matches!(refusal(&scene.outputs(), CallId(2)), Refusal::InProgress { .. }));
}

/// A spare lived beside the credential: the provider is told of both, one after the other, before the caller is answered.
#[test]
fn every_token_of_a_revoked_grant_is_revoked_at_the_provider() {
    let mut scene = Scene::new();
    scene.world.claim(1);
    scene.world.end(1, Ending::Unknown(PreviousOutcome::Timeout), 1);
    scene.world.advance(3600);
    scene.world.claim(2);
    scene.world.revoke();
    scene.world.succeed(2, "second");
    scene.world.succeed(1, "third");
    scene.engine.handle_revoke(CALL, GRANT, false, scene.now);
    let mut told = Vec::new();
    let answered = loop {
        let outputs = scene.outputs();
        if let Some(answer) = answer(&outputs, CALL) {
            break answer;
        }
        let (id, effect) = outputs.into_iter().find_map(effect_of).expect("something is to be done");
        let outcome = match effect {
            Effect::Transact(command) => Outcome::Transacted(Ok(scene.world.apply(&command).reply)),
            Effect::Read(_) => scene.found(),
            Effect::Send { request, .. } => {
                told.push(String::from_utf8_lossy(&request.body).into_owned());
                Outcome::Answered(Ok(json("")))
            }
            other => panic!("{other:?}"),
        };
        scene.engine.handle_outcome(id, outcome, scene.now);
    };
    for token in ["first", "second", "third"] {
        assert_eq!(
            told.iter().filter(|body| body.contains(&format!("token={token}"))).count(),
            1,
            "{told:?}"
        );
    }
    let Answer::Revoked(grant) = answered else { panic!("{answered:?}") };
    assert!(grant.revocation.unwrap().confirmed_at.is_some() && grant.credential.is_none());
}

fn performed(outputs: Vec<Output>) -> (EffectId, Effect) {
    outputs.into_iter().find_map(effect_of).expect("something is to be done")
}

fn effect_of(output: Output) -> Option<(EffectId, Effect)> {
    match output {
        Output::Perform(id, effect) => Some((id, effect)),
        _ => None,
    }
}

fn json(body: &str) -> HttpResponse {
    HttpResponse {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Zeroizing::new(body.as_bytes().to_vec()),
    }
}

/// An engine whose scheduler begins two flights at once, and a store that can only tell what is due.
fn scheduling() -> Scene {
    let mut scene = Scene::new();
    let settings = Settings { background_limit: 2, ..Settings::default() };
    scene.engine = Engine::new(settings, HolderId(1), [7; 32], scene.now);
    scene
}

/// Looks for due grants; returns those that were claimed, none of which the store takes. `None`: nobody looked.
fn tick(scene: &mut Scene, due: &[u128]) -> Option<Vec<GrantId>> {
    scene.engine.handle_timeout(scene.now);
    let (read, Effect::ReadDue { limit, .. }) = scene.outputs().into_iter().find_map(effect_of)? else {
        panic!("nothing else is under way");
    };
    let due = due.iter().take(limit).map(|grant| GrantId(*grant)).collect();
    let (mut outputs, mut claimed) = (VecDeque::from(scene.tell(read, Outcome::Due(due))), Vec::new());
    while let Some(output) = outputs.pop_front() {
        let outcome = match effect_of(output) {
            Some((id, Effect::Reserve)) => (id, Outcome::Reserved(Ok(SlotId(1)))),
            Some((id, Effect::Transact(command))) => {
                claimed.extend(command.subjects().grant);
                (id, Outcome::Transacted(Err(StoreFailure::Away("full".to_owned()))))
            }
            _ => continue,
        };
        outputs.extend(scene.tell(outcome.0, outcome.1));
    }
    Some(claimed)
}

#[test]
fn due_grants_that_the_store_cannot_take_are_not_tried_again_at_once_and_let_others_pass() {
    let mut scene = scheduling();
    let due = [1, 2, 3, 4, 5];
    assert_eq!(tick(&mut scene, &due), Some(vec![GrantId(1), GrantId(2)]));
    assert_eq!(tick(&mut scene, &due), None, "whoever is full is not asked again before the next tick");
    let mut claimed = Vec::new();
    for _ in 0..3 {
        scene.now.moment = scene.now.moment.plus(Settings::default().tick);
        claimed.push(tick(&mut scene, &due).unwrap());
    }
    assert_eq!(claimed, [[3, 4].map(GrantId), [5, 1].map(GrantId), [1, 2].map(GrantId)]);
}

/// A flight that is about to claim, and the claim.
fn claiming(scene: &mut Scene) -> (EffectId, Box<Command>) {
    let want = Want::Newer { than: scene.world.grant().generation };
    scene.engine.handle_call(CALL, TokenRequest { grant: GRANT, key: AccessKey::default(), want }, scene.now);
    let reserve = scene.effect();
    assert_eq!(reserve.1, Effect::Reserve);
    let (claim, effect) = performed(scene.tell(reserve.0, Outcome::Reserved(Ok(SlotId(1)))));
    let Effect::Transact(command) = effect else { panic!("{effect:?}") };
    (claim, command)
}

/// The store is slow: what it decided before a token was rejected arrives after somebody has read of the rejection.
#[test]
fn an_old_answer_of_the_store_does_not_displace_what_was_read_since() {
    let mut scene = Scene::with_a_living_token();
    let (claim, command) = claiming(&mut scene);
    let claimed = scene.world.apply(&command).reply;
    scene.advance(Duration::from_secs(5));
    scene.world.reject();
    scene.ask(CallId(2), AccessKey::default());
    let (look, found) = (scene.effect().0, scene.found());
    assert_eq!(answer(&scene.tell(look, found), CallId(2)), None, "its token was rejected");
    let outputs = scene.tell(claim, Outcome::Transacted(Ok(claimed)));
    assert_eq!(answer(&outputs, CallId(2)), None);
    scene.advance(Duration::from_secs(10));
    assert!(matches!(refusal(&scene.outputs(), CallId(2)), Refusal::InProgress { .. }));
}

/// A decision of the store says nothing to those who came long after it was asked for.
#[test]
fn nobody_is_answered_with_what_is_older_than_the_question() {
    let mut scene = Scene::with_a_living_token();
    let (claim, command) = claiming(&mut scene);
    let Command::Claim(own) = &*command else { panic!("{command:?}") };
    let other = Claim { holder: HolderId(2), attempt: AttemptId(99), ..own.clone() };
    scene.world.apply(&Command::Claim(other));
    let deferred = scene.world.apply(&command).reply;
    assert!(matches!(deferred, Reply::Deferred(_)), "{deferred:?}");
    scene.world.reject();
    scene.advance(Duration::from_secs(5));
    scene.ask(CallId(2), AccessKey::default());
    scene.outputs();
    let outputs = scene.tell(claim, Outcome::Transacted(Ok(deferred)));
    assert_eq!(answer(&outputs, CallId(2)), None);
    assert!(outputs.iter().any(|output| matches!(output, Output::Perform(_, Effect::Read(GRANT)))));
}
