//! The pages: escaped, without script, and allowed to send their form where it goes.

use evergrant_rehearse::{ClientSettings, Request, Response, UserSettings};

use crate::world::World;

fn text(response: Response) -> String {
    String::from_utf8(response.body).unwrap()
}

#[test]
fn nothing_that_was_sent_becomes_markup() {
    let mut world = World::demonstration();
    let hostile = "\"><script>alert(1)</script>";
    world.provider.add_client(ClientSettings::public(hostile)).unwrap();
    world.provider.add_user(UserSettings::new(hostile, hostile)).unwrap();
    let more = [("prompt", "login"), ("state", hostile), ("nonce", hostile), ("scope", "<b>")];
    let login = world.authorize(hostile, hostile, &more);
    assert_eq!(login.status, 200);
    for page in [
        text(login),
        text(world.send(Request::get("/device?user_code=%22%3E%3Cscript%3E"))),
        text(world.send(Request::get("/authorize?client_id=%22%3E%3Cscript%3E"))),
    ] {
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
    }
}

#[test]
fn a_page_forbids_what_it_does_not_need() {
    let mut world = World::demonstration();
    let page = world.authorize("rehearse-public", "alice", &[("prompt", "login")]);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(
        !policy.contains("form-action"),
        "browsers would hold it against the client's own redirects: {policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script"), "{policy}");
    let device = world.send(Request::get("/device"));
    assert!(device.header("content-security-policy").unwrap().contains("form-action 'self'"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
}
