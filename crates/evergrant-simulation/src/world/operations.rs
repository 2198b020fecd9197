//! What people and programs do: ask for tokens, connect, repair, revoke, change the client.

use std::time::Duration;

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus, LINK_LIFETIME},
    engine::{Answer, CallId, CallbackEnd, StoreFailure, TokenRequest},
    grant::{AccessKey, GrantRecord, Owner},
    name::{AuthorizationId, GrantId},
    transaction::{Command, OpenAuthorization, PutClient, Reject, Reply, Seen, Want},
    wire::{
        authorization_request::AuthorizationRequest,
        authorization_response::Callback,
        pkce::{authorization_state, code_verifier},
    },
};
use evergrant_rehearse::{Delivery, Progress, Request};

use super::{CallRecord, ProcessId, World};
use crate::CLIENT_SECRET;

/// Callers and resource servers.
impl World {
    /// Somebody asks a process for any token that works.
    pub fn ask(&mut self, process: ProcessId, grant: GrantId) -> CallId {
        self.ask_for(process, grant, Want::Usable { min_ttl: Duration::ZERO })
    }

    /// Somebody asks a process for a token of the usual kind.
    pub fn ask_for(&mut self, process: ProcessId, grant: GrantId, want: Want) -> CallId {
        self.request(process, TokenRequest { grant, key: AccessKey::default(), want })
    }

    /// Somebody asks a process for a token.
    pub fn request(&mut self, process: ProcessId, request: TokenRequest) -> CallId {
        let call = self.open_call(process, Some(request.clone()));
        if self.drivers
            && let Some(issue) = self.recall(process, &request)
        {
            self.answered(call, Answer::Token(issue));
            return call;
        }
        let now = self.reading();
        let _ = self.compare(process);
        self.processes[process.0].engine.handle_call(call, request, now);
        self.drain(process);
        call
    }

    /// Asks, and waits for the answer.
    ///
    /// # Panics
    ///
    /// If there is none within a minute.
    pub fn token(&mut self, process: ProcessId, grant: GrantId) -> Answer {
        let call = self.ask(process, grant);
        self.await_answer(call)
    }

    /// Waits for an answer.
    ///
    /// # Panics
    ///
    /// If there is none within a minute.
    pub fn await_answer(&mut self, call: CallId) -> Answer {
        let end = self.now + 60_000;
        self.run_until(end, |world| world.calls[&call].answer.is_some());
        self.calls[&call].answer.clone().expect("a call is answered within a minute")
    }

    /// A resource server refuses the current access token, and the caller reports it.
    pub fn reject(&mut self, grant: GrantId) {
        let Some(record) = self.store.grant(grant) else { return };
        let key = AccessKey::default();
        let Some(seen) = record.access_for(&key).map(|entry| Seen::Generation(entry.generation)) else {
            return;
        };
        let wall = self.wall();
        let _ = self.command(&Command::Reject(Reject { grant, key, seen, wall }));
    }

    /// Somebody asks a process to end a grant.
    pub fn revoke(&mut self, process: ProcessId, grant: GrantId, remove: bool) -> CallId {
        let call = self.open_call(process, None);
        self.judge.allow_revocation(grant, self.now);
        self.forget_grant(process, grant);
        let now = self.reading();
        let _ = self.compare(process);
        self.processes[process.0].engine.handle_revoke(call, grant, remove, now);
        self.drain(process);
        call
    }

    pub(super) fn open_call(&mut self, process: ProcessId, request: Option<TokenRequest>) -> CallId {
        self.next_number += 1;
        let call = CallId(self.next_number);
        let record = CallRecord { process, request, asked_at: self.now, answered_at: None, answer: None };
        self.note(|| {
            let what = record
                .request
                .as_ref()
                .map(|request| (request.grant.to_string(), request.want, request.key.resource.clone()));
            format!("{process:?} is asked {call:?} {what:?}")
        });
        self.calls.insert(call, record);
        self.open_calls.insert(call);
        call
    }
}

/// Operators and resource owners.
impl World {
    /// Executes a command as a program would that has the store open.
    pub fn command(&mut self, command: &Command) -> Result<Reply, StoreFailure> {
        self.transact(None, command)
    }

    pub(super) fn put_first_client(&mut self) {
        let record = self.scene.client(CLIENT_SECRET, self.wall());
        let put = PutClient { record, replaces: None, wall: self.wall() };
        self.command(&Command::PutClient(Box::new(put))).expect("a new store takes a client");
    }

    /// The operator gives the client another secret, as `clients update` does. False if the store is away.
    pub fn put_secret(&mut self, secret: &str) -> bool {
        let version = self.store.clients().next().map(|client| client.version);
        let record = self.scene.client(secret, self.wall());
        let put = PutClient { record, replaces: version, wall: self.wall() };
        self.command(&Command::PutClient(Box::new(put))).is_ok()
    }

    /// The secret changes at the provider.
    ///
    /// # Panics
    ///
    /// If the client is gone.
    pub fn change_secret_at_provider(&mut self, secret: &str) {
        let change = self.party.provider.change_client(crate::CLIENT_ID, |client| {
            client.client_secret = Some(secret.to_owned());
        });
        change.expect("the scene's client exists");
    }

    /// Opens a link for `grant`, or for a new grant.
    pub fn open_link(&mut self, grant: Option<GrantId>) -> Result<AuthorizationId, StoreFailure> {
        let (wall, id) = (self.wall(), AuthorizationId(self.dice.id()));
        let client = self.scene.client(CLIENT_SECRET, wall);
        let record = AuthorizationRecord {
            id,
            namespace: client.namespace,
            client: client.name,
            grant,
            always_new: false,
            result: None,
            owner: Owner::default(),
            scopes: client.scopes,
            resources: Vec::new(),
            redirect_uri: client.redirect_uris[0].clone(),
            return_url: None,
            login_hint: None,
            status: AuthorizationStatus::Open,
            created_at: wall,
            expires_at: wall.plus(LINK_LIFETIME),
            state: Some(authorization_state(&self.dice.bytes())),
            verifier: Some(code_verifier(&self.dice.bytes())),
        };
        self.command(&Command::OpenAuthorization(Box::new(OpenAuthorization { record }))).map(|_| id)
    }

    /// A user follows a link and consents; what the browser brings back.
    ///
    /// # Panics
    ///
    /// If the provider does not send the browser back.
    pub fn sign_in(&mut self, link: AuthorizationId, user: &str) -> Callback {
        let record = self.store.authorization(link).expect("the link was opened").clone();
        let client = self.scene.client(CLIENT_SECRET, self.wall());
        let endpoint = client.endpoints.authorization.expect("the scene has one");
        let (state, verifier) = (record.state.expect("kept"), record.verifier.expect("kept"));
        let mut request =
            AuthorizationRequest::new(endpoint, client.identifier, record.redirect_uri, state, &verifier);
        request.scopes = record.scopes;
        request.login_hint = Some(user.to_owned());
        let url = request.url();
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let progress = self.party.handle(Request::get(&target), self.provider_time());
        let Progress::Deliver(Delivery::Whole(response)) = progress else {
            panic!("the browser got no answer: {progress:?}");
        };
        let location = response.header("location").expect("the provider sends the browser back");
        let query = location.split_once('?').map(|(_, query)| query).unwrap_or_default();
        Callback::parse(query).expect("the provider's answer is one")
    }

    /// The browser comes back to a process.
    pub fn bring_callback(&mut self, process: ProcessId, callback: Callback) -> CallId {
        let call = self.open_call(process, None);
        let now = self.reading();
        let _ = self.compare(process);
        self.processes[process.0].engine.handle_callback(call, callback, now);
        self.drain(process);
        call
    }

    /// A user connects a new grant.
    ///
    /// # Panics
    ///
    /// If that does not work.
    pub fn connect(&mut self, process: ProcessId, user: &str) -> GrantId {
        let link = self.open_link(None).expect("the store is there");
        let callback = self.sign_in(link, user);
        let call = self.bring_callback(process, callback);
        match self.await_answer(call) {
            Answer::Callback(end) => match *end {
                CallbackEnd::Connected { grant, .. } => grant.id,
                other => panic!("{user} was not connected: {other:?}"),
            },
            other => panic!("{user} was not connected: {other:?}"),
        }
    }

    /// A grant as it stands.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn grant(&self, id: GrantId) -> &GrantRecord {
        self.store.grant(id).expect("the grant exists")
    }

    /// Ends a user's consent at the provider.
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn withdraw_consent(&mut self, user: &str) {
        let now = self.provider_time();
        self.party.provider.revoke_consent(user, None, now).expect("the user exists");
        self.note(|| format!("{user} withdraws the consent"));
    }

    /// Lets requests that the provider held go on.
    pub fn release_held(&mut self) {
        while let Some(exchange) = self.party.provider.poll_released() {
            self.after(0, super::Happening::Resume(exchange));
        }
    }
}
