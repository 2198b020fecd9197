//! The journal notes from where a grant is used.

use std::net::IpAddr;

use evergrant_rehearse::{Method, PolicyName::P2, Request};
use serde_json::{Value, json};

use crate::world::{World, tokens};

fn refresh(token: &str, last: u8) -> Request {
    let fields = [("client_id", "app"), ("grant_type", "refresh_token"), ("refresh_token", token)];
    Request::post_form("/token", &fields).coming_from(IpAddr::from([192, 0, 2, last]))
}

#[test]
fn a_grant_that_is_used_from_a_second_address_is_noted() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice");
    let second = tokens(&world.send(refresh(&first.refresh, 1))).unwrap();
    assert_eq!(world.last().addresses, Some(1));
    let userinfo =
        Request::get("/userinfo").with_header("authorization", &format!("Bearer {}", second.access));
    world.send(userinfo.coming_from(IpAddr::from([192, 0, 2, 1])));
    assert_eq!(world.last().addresses, Some(1), "the same place, with another token of the grant");
    world.send(refresh(&first.refresh, 7));
    let entry = world.last();
    assert_eq!((entry.addresses, entry.peer), (Some(2), Some(IpAddr::from([192, 0, 2, 7]))));
}

#[test]
fn a_grant_with_two_addresses_is_named_to_whoever_reads_the_journal() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice");
    let read = |world: &mut World| {
        world.admin(Method::Get, "/admin/journal", &Value::Null).to_json().unwrap()["shared_grants"].clone()
    };
    world.send(refresh(&first.refresh, 7));
    assert_eq!(read(&mut world), json!([]));
    world.send(refresh(&first.refresh, 1));
    let shared = read(&mut world);
    assert_eq!(shared[0]["addresses"], json!(["192.0.2.1", "192.0.2.7"]), "{shared:#}");
    let finding = "the tokens of grant 1 (client app, user alice) were presented from 2 addresses: 192.0.2.1, 192.0.2.7";
    assert_eq!(shared[0]["finding"], finding);
    assert!(!shared.to_string().contains(&first.refresh));
}

#[test]
fn what_comes_from_nowhere_is_counted_nowhere() {
    let mut world = World::rotating(P2);
    let first = world.sign_in("app", "alice");
    world.refresh("app", &first.refresh);
    assert_eq!((world.last().peer, world.last().addresses), (None, None));
}
