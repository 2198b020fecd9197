//! The device flow.

use evergrant_rehearse::{Reason, Request};

use crate::world::{World, error, tokens};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

struct Started {
    device_code: String,
    user_code: String,
}

fn start(world: &mut World) -> Started {
    let fields = [("client_id", "rehearse-public"), ("scope", "openid offline_access")];
    let body = world.send(Request::post_form("/device_authorization", &fields)).to_json().unwrap();
    assert_eq!(body["interval"], 5);
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    assert!(text("verification_uri_complete").ends_with(&text("user_code")));
    Started { device_code: text("device_code"), user_code: text("user_code") }
}

fn poll(world: &mut World, device_code: &str) -> evergrant_rehearse::Response {
    world.token(&[("client_id", "rehearse-public"), ("grant_type", GRANT), ("device_code", device_code)])
}

#[test]
fn a_device_waits_and_gets_its_tokens_once() {
    let mut world = World::demonstration();
    let started = start(&mut world);
    assert_eq!(error(&poll(&mut world, &started.device_code)), "authorization_pending");
    let typed = started.user_code.to_lowercase().replace('-', " ");
    let approve = [("user_code", typed.as_str()), ("user", "alice")];
    assert_eq!(world.send(Request::post_form("/device", &approve)).status, 200);
    world.advance_s(5);
    assert!(tokens(&poll(&mut world, &started.device_code)).unwrap().refresh.starts_with("rt_"));
    world.advance_s(5);
    assert_eq!(error(&poll(&mut world, &started.device_code)), "invalid_grant");
    assert_eq!(world.last().reason, Some(Reason::ReplayedDeviceCode));
}

#[test]
fn polling_too_fast_slows_down_for_good() {
    let mut world = World::demonstration();
    let started = start(&mut world);
    poll(&mut world, &started.device_code);
    world.advance_s(4);
    assert_eq!(error(&poll(&mut world, &started.device_code)), "slow_down");
    world.advance_s(9);
    assert_eq!(error(&poll(&mut world, &started.device_code)), "slow_down");
    world.advance_s(15);
    assert_eq!(error(&poll(&mut world, &started.device_code)), "authorization_pending");
}

#[test]
fn a_denied_and_an_expired_device_get_nothing() {
    let mut world = World::demonstration();
    let denied = start(&mut world);
    let deny = [("user_code", denied.user_code.as_str()), ("decision", "deny")];
    world.send(Request::post_form("/device", &deny));
    assert_eq!(error(&poll(&mut world, &denied.device_code)), "access_denied");
    let expired = start(&mut world);
    world.advance_s(600);
    assert_eq!(error(&poll(&mut world, &expired.device_code)), "expired_token");
    let page = world.send(Request::get(&format!("/device?user_code={}", expired.user_code)));
    assert!(String::from_utf8(page.body).unwrap().contains("No device is waiting"));
    assert_eq!(error(&poll(&mut world, "dc_unknown")), "invalid_grant");
}

#[test]
fn looking_at_the_page_decides_nothing() {
    let mut world = World::demonstration();
    let started = start(&mut world);
    let page = world.send(Request::get(&format!("/device?user_code={}&user=alice", started.user_code)));
    assert!(String::from_utf8(page.body).unwrap().contains(&started.user_code));
    assert_eq!(error(&poll(&mut world, &started.device_code)), "authorization_pending");
}
