//! What happens outside of the processes: devices, other programs' tokens, and the provider's administrator.

use evergrant_proto::{
    engine::{ExchangeNames, completion},
    failure::{Exchange, Stage, Verdict, classify},
    name::{AttemptId, AuthorizationId, GrantId, HolderId},
    transaction::{Command, Complete, JournalExchange, PutClient},
    wire::{device::DeviceAuthorization, http::HttpRequest, token_request::TokenEndpoint},
};
use evergrant_rehearse::{Delivery, Fingerprint, Progress, Request, UserSettings};

use super::{CallRecord, World};
use crate::{CLIENT_ID, party};

impl World {
    /// A user approves a device: from the code it shows to the grant that it is given, at once or not at all.
    pub fn approve_device(&mut self, user: &str) -> Option<AuthorizationId> {
        let client = self.store.clients().next()?.clone();
        let url = client.endpoints.device_authorization.clone()?;
        let credentials = client.credentials();
        let opened =
            self.ask_provider(&DeviceAuthorization::request(&url, &credentials, &client.scopes, ' '))?;
        let device = DeviceAuthorization::read(&opened.body).ok()?;
        let link = self.open_link(None).ok()?;
        let entered = Request::post_form("/device", &[("user_code", &device.user_code), ("user", user)]);
        self.party.handle(entered, self.provider_time());
        let endpoint = TokenEndpoint {
            url: client.endpoints.token.as_ref()?,
            client: &credentials,
            dialect: &client.provider.dialect,
        };
        let answer = Ok(self.ask_provider(&endpoint.poll_device(&device.device_code))?);
        let exchange = Exchange {
            stage: Stage::DeviceCode,
            result: answer.as_ref(),
            dialect: &client.provider.dialect,
            now: self.wall(),
            secrets: &[],
        };
        let Verdict::Success(tokens) = classify(&exchange) else { return None };
        let names = ExchangeNames {
            attempt: AttemptId(self.dice.id()),
            new_grant: GrantId(self.dice.id()),
            jitter: 0,
        };
        let record = self.store.authorization(link)?.clone();
        let complete = completion(*tokens, &record, &client, names, self.wall(), self.wall()).ok()?;
        self.connect_device(link, complete)
    }

    fn connect_device(&mut self, link: AuthorizationId, complete: Complete) -> Option<AuthorizationId> {
        let journal = JournalExchange {
            authorization: link,
            attempt: complete.attempt,
            holder: HolderId(self.dice.id()),
            wall: complete.wall,
        };
        self.command(&Command::JournalExchange(journal)).ok()?;
        self.command(&Command::Complete(Box::new(complete))).ok()?;
        Some(link)
    }

    /// A refresh token that the provider has issued to another program of ours.
    pub fn issue_elsewhere(&mut self, user: &str) -> Option<String> {
        let (scopes, now) = (self.scene.scopes.clone(), self.provider_time());
        self.party.issue(CLIENT_ID, user, &scopes, now)
    }

    /// Somebody else who holds the refresh token of a grant uses it.
    pub fn borrow_token(&mut self, grant: GrantId) {
        let Some(held) = self.store.grant(grant).and_then(|grant| grant.credential.as_ref()) else { return };
        let token = held.refresh_token.expose().to_owned();
        let now = self.provider_time();
        self.note(|| format!("somebody else uses what {grant} holds"));
        let before = self.party.provider.journal(0).last().map_or(0, |entry| entry.seq);
        self.party.refresh(&token, now);
        let entries = self.party.provider.journal(before);
        self.borrowed.extend(entries.map(|entry| (entry.seq, Fingerprint::of(&token))));
    }

    /// The provider's administrator ends the family that a grant holds a token of.
    pub fn end_at_provider(&mut self, grant: GrantId) {
        let Some(held) = self.store.grant(grant).and_then(|grant| grant.credential.as_ref()) else { return };
        let token = Fingerprint::of(held.refresh_token.expose());
        let issued = self.party.provider.journal(0).find(|entry| entry.issued.as_ref() == Some(&token));
        let Some(family) = issued.and_then(|entry| entry.family) else { return };
        let now = self.provider_time();
        drop(self.party.provider.revoke_family(family, now));
        self.note(|| format!("the administrator ends what {grant} holds"));
    }

    /// Whether the provider knows this user.
    pub fn has_user(&self, user: &str) -> bool {
        self.party.provider.users().any(|known| known.username == user)
    }

    /// A user's password changes, which ends all the user's grants.
    pub fn change_password(&mut self, user: &str) {
        let now = self.provider_time();
        drop(self.party.provider.change_password(user, now));
        self.note(|| format!("the password of {user} changes"));
    }

    /// A user's account is disabled, which suspends all its grants, or enabled again.
    pub fn set_user_enabled(&mut self, user: &str, enabled: bool) {
        drop(self.party.provider.change_user(user, |user| user.enabled = enabled));
        self.note(|| format!("the account of {user} is {}", if enabled { "enabled" } else { "disabled" }));
    }

    /// A user's account is deleted, which ends all its grants.
    pub fn delete_user(&mut self, user: &str) {
        let now = self.provider_time();
        drop(self.party.provider.remove_user(user, now));
        self.note(|| format!("the account of {user} is deleted"));
    }

    /// A user's account is there again, and enabled.
    pub fn bring_user_back(&mut self, user: &str, tenant: &str) {
        if self.has_user(user) {
            return self.set_user_enabled(user, true);
        }
        drop(self.party.provider.add_user(UserSettings::new(user, tenant)));
        self.note(|| format!("the account of {user} is there again"));
    }

    /// The operator changes something of the client that concerns no request.
    pub fn touch_client(&mut self) -> bool {
        let Some(mut record) = self.store.clients().next().cloned() else { return false };
        let replaces = Some(record.version);
        record.updated_at = self.wall();
        let put = PutClient { record, replaces, wall: self.wall() };
        self.command(&Command::PutClient(Box::new(put))).is_ok()
    }

    /// Somebody does what may cost the grant one more request.
    pub(crate) fn allow_request(&mut self, grant: GrantId) {
        let now = self.now;
        self.judge.allow_request(Some(grant), now);
    }

    /// The calls that wait for an answer.
    pub fn unanswered(&self) -> Vec<CallRecord> {
        self.open_calls.iter().map(|call| self.calls[call].clone()).collect()
    }

    fn ask_provider(&mut self, request: &HttpRequest) -> Option<evergrant_proto::wire::http::HttpResponse> {
        let now = self.provider_time();
        match self.party.handle(party::request(request), now) {
            Progress::Deliver(delivery) => {
                self.note_scope(&delivery);
                let Delivery::Whole(response) = delivery else { return None };
                Some(party::response(response))
            }
            Progress::Wait { .. } => None,
        }
    }
}
