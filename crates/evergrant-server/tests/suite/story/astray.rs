//! What people do that nobody told them to, in a real Chromium.

use evergrant_rehearse::{Endpoint, GrantType, Outcome};
use serde_json::json;

use super::{
    app::App,
    browser::{Browser, PHONE},
    person::Person,
};
use crate::world::World;

/// Somebody with a dead grant and its link, who is returned nowhere.
struct Stray {
    world: World,
    grant: String,
    link: String,
    browser: Browser,
}

impl Stray {
    async fn begin() -> Self {
        let world = World::empty().await;
        world.add_shop(json!({ "branding": { "name": "Acme Billing", "color": "#0a5fd0" } })).await;
        let grant = world.connect("alice").await;
        world.kill("alice").await;
        let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
        let link = problem["reauthorize_url"].as_str().unwrap().to_owned();
        Self { world, grant, link, browser: Browser::open(PHONE).await }
    }

    /// From the link to the page where the provider asks who it is.
    async fn goes_to_the_provider(&self) {
        self.browser.open(&self.link).await;
        self.signs_on().await;
    }

    /// From the page that asks to the provider.
    async fn signs_on(&self) {
        self.browser.sees("Reconnect Evergrant rehearsal").await;
        self.browser.clicks("Continue to").await;
        self.browser.sees("asks for access").await;
    }

    /// From the page that says what went wrong to a grant that is alive.
    async fn tries_again(&self) {
        self.browser.clicks("Try again").await;
        self.signs_on().await;
        self.browser.clicks("alice").await;
        self.browser.sees("is connected").await;
        assert!(self.is_alive().await);
    }

    async fn is_alive(&self) -> bool {
        self.world.token(&self.grant).await.status == 200
    }

    /// Codes that the provider has redeemed after the first, by which the grant was made.
    fn redeemed(&self) -> usize {
        redeemed(&self.world) - 1
    }
}

fn redeemed(world: &World) -> usize {
    let journal = world.rehearsal.journal();
    let exchanges = journal.iter().filter(|entry| {
        entry.endpoint == Endpoint::Token && entry.grant_type == Some(GrantType::AuthorizationCode)
    });
    exchanges.inspect(|entry| assert_ne!(entry.outcome, Outcome::Refused, "{entry:?}")).count()
}

#[tokio::test]
async fn another_account_changes_nothing_and_the_right_one_is_one_click_away() {
    let stray = Stray::begin().await;
    stray.goes_to_the_provider().await;
    stray.browser.clicks("bob").await;
    let page = stray.browser.sees("This is another account").await;
    assert!(page.contains("Nothing was changed") && page.contains("Acme Billing"), "{page}");
    assert!(!stray.is_alive().await);
    stray.tries_again().await;
}

#[tokio::test]
async fn who_says_no_at_the_provider_may_think_again() {
    let stray = Stray::begin().await;
    stray.goes_to_the_provider().await;
    stray.browser.clicks("Deny").await;
    let page = stray.browser.sees("Not connected").await;
    assert!(page.contains("nothing was changed") && page.contains("access_denied"), "{page}");
    assert!(!stray.is_alive().await && stray.redeemed() == 0);
    stray.tries_again().await;
}

#[tokio::test]
async fn a_double_click_connects_once() {
    let stray = Stray::begin().await;
    stray.browser.open(&stray.link).await;
    stray.browser.sees("Reconnect Evergrant rehearsal").await;
    stray.browser.click_twice("Continue to").await;
    stray.browser.sees("asks for access").await;
    stray.browser.click_twice("alice").await;
    // Whichever click the browser has followed, the page says that it worked.
    stray.browser.sees_one_of(&["is connected", "This link was used already"]).await;
    assert!(stray.browser.text().await.contains("can use your account"));
    stray.browser.judge().await;
    assert!(stray.is_alive().await);
    assert_eq!(stray.redeemed(), 1);
}

#[tokio::test]
async fn going_back_or_reloading_repeats_nothing_and_says_so() {
    let world = World::empty().await;
    let mut app = App::open().await;
    world.add_shop(json!({ "return_urls": [app.return_url] })).await;
    let link = world.link(json!({ "return_url": app.return_url })).await;
    let browser = Browser::open(PHONE).await;
    browser.open(&link).await;
    browser.sees("asks for access").await;
    browser.clicks("alice").await;
    browser.sees("Back at Acme").await;
    let first = app.visit().await;
    assert!(first.told("grant").is_some());

    browser.go_back().await;
    browser.sees("asks for access").await;
    browser.clicks("alice").await;
    let page = browser.sees("This link was used already").await;
    assert!(page.contains("It worked") && page.contains("shop"), "{page}");
    browser.reload().await;
    browser.sees("This link was used already").await;
    browser.clicks("Go back to shop").await;
    browser.sees("Back at Acme").await;
    let second = app.visit().await;
    assert_eq!(second.told("authorization"), first.told("authorization"));
    assert_eq!(second.told("grant"), None, "a link that is used names its grant once");
    assert_eq!(redeemed(&world), 1);
}

#[tokio::test]
async fn of_two_tabs_the_newest_counts_and_the_other_one_says_so() {
    let stray = Stray::begin().await;
    let old = stray.browser.tab().await;
    stray.goes_to_the_provider().await;
    let new = stray.browser.open_tab().await;
    stray.goes_to_the_provider().await;

    stray.browser.look_at(&old).await;
    stray.browser.clicks("alice").await;
    stray.browser.sees("There is a newer link").await;
    assert!(!stray.is_alive().await && stray.redeemed() == 0);
    stray.browser.look_at(&new).await;
    stray.browser.clicks("alice").await;
    stray.browser.sees("is connected").await;
    assert!(stray.is_alive().await);
    stray.browser.look_at(&old).await;
    stray.browser.reload().await;
    stray.browser.sees("There is a newer link").await;
}

#[tokio::test]
async fn an_expired_link_leads_nowhere_wherever_it_is_met() {
    let stray = Stray::begin().await;
    stray.goes_to_the_provider().await;
    stray.world.advance(30 * 60);
    stray.browser.clicks("alice").await;
    let page = stray.browser.sees("This link has expired").await;
    assert!(page.contains("Acme Billing") && page.contains("Nothing was changed"), "{page}");
    assert!(!stray.is_alive().await && stray.redeemed() == 0);
    stray.browser.open(&stray.link).await;
    let page = stray.browser.sees("This link has expired").await;
    assert!(page.contains("Acme Billing") && page.contains("new link"), "{page}");
}

#[tokio::test]
async fn a_link_that_is_opened_again_finds_nothing_to_do() {
    let stray = Stray::begin().await;
    stray.goes_to_the_provider().await;
    stray.browser.clicks("alice").await;
    stray.browser.sees("is connected").await;
    stray.browser.reload().await;
    assert!(stray.browser.sees("This link was used already").await.contains("It worked"));
    stray.browser.open(&stray.link).await;
    let page = stray.browser.sees("All is well").await;
    assert!(page.contains("Acme Billing") && !page.contains("Continue"), "{page}");
    assert_eq!(stray.redeemed(), 1);
}

#[tokio::test]
async fn a_link_that_was_cut_off_says_so() {
    let stray = Stray::begin().await;
    stray.browser.open(&stray.link[..stray.link.len() - 5]).await;
    stray.browser.sees("This link leads nowhere").await;
}
