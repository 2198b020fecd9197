//! The device flow (RFC 8628): a code shown on a device without a browser is entered in one that has it.

use std::collections::HashMap;

use serde_json::json;

use super::{
    Call, Method, Provider, Reason, Response, Timestamp,
    issue::{Authorization, Issue},
    pages,
    parameters::Parameters,
    refusal::Refusal,
    scope,
    secret::{Digest, Fingerprint},
};
use crate::settings::ClientSettings;

/// RFC 8628 6.1: letters that are not mistaken for each other, and spell no words.
const USER_CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// RFC 8628 3.5: what `slow_down` adds to the interval, for good.
const SLOW_DOWN_S: u64 = 5;

/// Devices that wait; the oldest finished ones are forgotten first.
const MOST_DEVICES: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Devices {
    waiting: HashMap<Digest, Device>,
}

#[derive(Debug)]
struct Device {
    user_code: String,
    client_id: String,
    scope: Vec<String>,
    resources: Vec<String>,
    expires: Timestamp,
    interval_s: u64,
    polled: Option<Timestamp>,
    decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    Pending,
    Approved { username: String, at: Timestamp },
    Denied,
    Redeemed,
}

impl Provider {
    /// RFC 8628 3.1 and 3.2.
    pub(super) fn device_authorization(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        call.allow(&[Method::Post])?;
        let form = call.form()?;
        let client = self.authenticate(call, &form)?;
        let scope = scope::of_client(&form, &client)?;
        let resources = self.requested_resources(&form)?;
        let device_code = call.mint("dc_");
        let user_code = mint_user_code(call);
        let lifetimes = &client.lifetimes;
        self.devices.make_room(call.now);
        self.devices.waiting.insert(
            device_code.digest(),
            Device {
                user_code: user_code.clone(),
                client_id: client.client_id.clone(),
                scope,
                resources,
                expires: call.now.plus_seconds(lifetimes.device_code_s),
                interval_s: lifetimes.device_interval_s,
                polled: None,
                decision: Decision::Pending,
            },
        );
        let page = format!("{}/device", self.issuer);
        Ok(Response::json(
            200,
            &json!({
                "device_code": device_code.expose(),
                "user_code": user_code,
                "verification_uri": page,
                "verification_uri_complete": format!("{page}?user_code={user_code}"),
                "expires_in": lifetimes.device_code_s,
                "interval": lifetimes.device_interval_s,
            }),
        ))
    }

    /// The page where the user enters the code and decides.
    pub(super) fn device_page(&mut self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        call.allow(&[Method::Get, Method::Post])?;
        let parameters = match call.request.method {
            Method::Post => call.form()?,
            _ => call.query()?,
        };
        let typed = parameters.value("user_code").map(normalize);
        let waiting = typed.as_deref().and_then(|typed| self.devices.pending(typed, call.now));
        let Some((digest, client_id)) = waiting else {
            return Ok(pages::enter_code(typed.is_some()));
        };
        call.entry.client_id = Some(client_id.clone());
        let decision = parameters.value("decision").filter(|_| call.request.method == Method::Post);
        match (decision, parameters.value("user")) {
            (Some("deny"), _) => Ok(self.decide_device(call, digest, Decision::Denied)),
            (_, Some(username)) if call.request.method == Method::Post => {
                let username = username.to_owned();
                self.approve_device(call, digest, &client_id, username)
            }
            _ => {
                let device = &self.devices.waiting[&digest];
                let users: Vec<_> = self.users.all().filter(|user| user.enabled).collect();
                Ok(pages::confirm_device(&client_id, &device.scope, &device.user_code, &users))
            }
        }
    }

    fn approve_device(
        &mut self,
        call: &mut Call<'_>,
        digest: Digest,
        client_id: &str,
        username: String,
    ) -> Result<Response, Refusal> {
        let client = self.clients.find(client_id).ok_or(Reason::UnknownClient)?.settings.clone();
        self.usable_user(&client, &username)?;
        call.entry.username = Some(username.clone());
        self.sessions.consent(&username, client_id);
        Ok(self.decide_device(call, digest, Decision::Approved { username, at: call.now }))
    }

    fn decide_device(&mut self, call: &mut Call<'_>, digest: Digest, decision: Decision) -> Response {
        let approved = decision != Decision::Denied;
        if let Some(device) = self.devices.waiting.get_mut(&digest) {
            device.decision = decision;
        }
        if !approved {
            call.entry.refuse(Reason::DeniedByUser);
        }
        pages::device_decided(approved)
    }

    /// RFC 8628 3.4 and 3.5: the device polls.
    pub(super) fn redeem_device_code(
        &mut self,
        call: &mut Call<'_>,
        form: &Parameters,
        client: &ClientSettings,
    ) -> Result<Response, Refusal> {
        let presented = form.value("device_code").ok_or_else(|| Refusal::missing("device_code"))?;
        call.entry.presented = Some(Fingerprint::of(presented));
        let device = self.devices.waiting.get_mut(&Digest::of(presented)).ok_or(Reason::UnknownDeviceCode)?;
        let authorization = device.poll(client, call.now)?;
        self.usable_user(client, &authorization.username)?;
        if let Some(device) = self.devices.waiting.get_mut(&Digest::of(presented)) {
            device.decision = Decision::Redeemed;
        }
        let (scope, resources) = (authorization.scope.clone(), authorization.resources.clone());
        let (family, refresh_token) = self.start_family(call, client, authorization);
        let issue = Issue { client, family: Some(family), scope, resources, refresh_token, nonce: None };
        Ok(self.issue(call, &issue))
    }
}

impl Devices {
    /// The device that shows a code and waits for a decision.
    fn pending(&self, user_code: &str, now: Timestamp) -> Option<(Digest, String)> {
        let mut devices = self.waiting.iter();
        let found = devices.find(|(_, device)| {
            device.user_code == user_code && device.decision == Decision::Pending && now < device.expires
        })?;
        Some((*found.0, found.1.client_id.clone()))
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.waiting.len() >= MOST_DEVICES {
            self.waiting.retain(|_, device| device.decision == Decision::Pending && now < device.expires);
        }
        if self.waiting.len() >= MOST_DEVICES {
            self.waiting.clear();
        }
    }
}

impl Device {
    fn poll(&mut self, client: &ClientSettings, now: Timestamp) -> Result<Authorization, Reason> {
        if self.client_id != client.client_id {
            return Err(Reason::UnknownDeviceCode);
        }
        if self.decision == Decision::Redeemed {
            return Err(Reason::ReplayedDeviceCode);
        }
        if now >= self.expires {
            return Err(Reason::ExpiredDeviceCode);
        }
        let early = self.polled.is_some_and(|polled| now < polled.plus_seconds(self.interval_s));
        self.polled = Some(now);
        match &self.decision {
            Decision::Denied => Err(Reason::DeniedByUser),
            _ if early => {
                self.interval_s += SLOW_DOWN_S;
                Err(Reason::SlowDown)
            }
            Decision::Approved { username, at } => Ok(Authorization {
                username: username.clone(),
                scope: self.scope.clone(),
                resources: self.resources.clone(),
                authenticated: *at,
            }),
            Decision::Pending | Decision::Redeemed => Err(Reason::AuthorizationPending),
        }
    }
}

fn mint_user_code(call: &mut Call<'_>) -> String {
    let mut bytes = [0; 8];
    (call.entropy)(&mut bytes);
    let letter = |byte: &u8| char::from(USER_CODE_LETTERS[usize::from(*byte) % USER_CODE_LETTERS.len()]);
    let (first, second) = bytes.split_at(4);
    let spell = |half: &[u8]| half.iter().map(letter).collect::<String>();
    format!("{}-{}", spell(first), spell(second))
}

/// RFC 8628 6.1: people type lower case, spaces and dashes as they like.
fn normalize(typed: &str) -> String {
    let letters = typed.chars().filter(char::is_ascii_alphabetic).take(9).map(|c| c.to_ascii_uppercase());
    let letters: String = letters.collect();
    match letters.len() {
        8 => format!("{}-{}", &letters[..4], &letters[4..]),
        _ => letters,
    }
}
