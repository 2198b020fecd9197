//! A real Chromium that does what a person would, by WebDriver (W3C). What it cannot find it waits for, so that no test
//! guesses how long something takes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use reqwest::Method;
use serde_json::{Value, json};

/// How long a person would stare at a page before saying that something is wrong.
const PATIENCE_IN_MS: u32 = 20_000;

/// How WebDriver marks what it calls an element (12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What somebody looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    width: u32,
    height: u32,
    is_dark: bool,
}

pub(crate) const PHONE: Screen = Screen { width: 390, height: 844, is_dark: false };
pub(crate) const DESK_AT_NIGHT: Screen = Screen { width: 1280, height: 800, is_dark: true };

pub(crate) struct Browser {
    driver: Child,
    /// Where the driver listens.
    address: String,
    session: String,
    http: reqwest::Client,
}

/// A tab of the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tab(String);

impl Browser {
    pub(crate) async fn open(screen: Screen) -> Self {
        let (driver, port) = start();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut browser = Self { driver, address: format!("127.0.0.1:{port}"), session: String::new(), http };
        let session = browser.call(Method::POST, "", json!({ "capabilities": capabilities() })).await;
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser.resize(screen).await;
        browser
    }

    pub(crate) async fn go(&self, url: &str) {
        self.ask(Method::POST, "url", json!({ "url": url })).await;
    }

    pub(crate) async fn go_back(&self) {
        self.ask(Method::POST, "back", json!({})).await;
    }

    pub(crate) async fn reload(&self) {
        self.ask(Method::POST, "refresh", json!({})).await;
    }

    pub(crate) async fn address_bar(&self) -> url::Url {
        let url = self.ask(Method::GET, "url", Value::Null).await;
        url.as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn tab(&self) -> Tab {
        Tab(self.ask(Method::GET, "window", Value::Null).await.as_str().unwrap().to_owned())
    }

    /// Opens a tab and looks at it.
    pub(crate) async fn open_tab(&self) -> Tab {
        let tab = self.ask(Method::POST, "window/new", json!({ "type": "tab" })).await;
        let tab = Tab(tab["handle"].as_str().unwrap().to_owned());
        self.look_at(&tab).await;
        tab
    }

    pub(crate) async fn look_at(&self, tab: &Tab) {
        self.ask(Method::POST, "window", json!({ "handle": tab.0 })).await;
    }

    /// Waits for a page with this heading, whose text is given.
    pub(crate) async fn sees(&self, heading: &str) -> String {
        self.find(&format!("//h1[contains(normalize-space(), {heading:?})]")).await;
        self.text().await
    }

    /// Waits for a page with one of these headings; which one it is.
    pub(crate) async fn sees_one_of<'a>(&self, headings: &[&'a str]) -> &'a str {
        let one = |heading: &&str| format!("contains(normalize-space(), {heading:?})");
        let any: Vec<_> = headings.iter().map(one).collect();
        let element = self.find(&format!("//h1[{}]", any.join(" or "))).await;
        let shown = self.ask(Method::GET, &format!("element/{element}/text"), Value::Null).await;
        headings.iter().find(|heading| shown.as_str().unwrap().contains(**heading)).unwrap()
    }

    /// All that is to be read on the page.
    pub(crate) async fn text(&self) -> String {
        let body = self.find("//body").await;
        let text = self.ask(Method::GET, &format!("element/{body}/text"), Value::Null).await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits for a button or a link with these words, and clicks it.
    pub(crate) async fn click(&self, words: &str) {
        let element = self.clickable(words).await;
        self.ask(Method::POST, &format!("element/{element}/click"), json!({})).await;
    }

    /// Clicks twice, as fast as a mouse can.
    pub(crate) async fn click_twice(&self, words: &str) {
        let element = self.clickable(words).await;
        let (down, up) =
            (json!({ "type": "pointerDown", "button": 0 }), json!({ "type": "pointerUp", "button": 0 }));
        let to =
            json!({ "type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": { ELEMENT: element } });
        let mouse = json!({
            "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" },
            "actions": [to, &down, &up, &down, &up],
        });
        self.ask(Method::POST, "actions", json!({ "actions": [mouse] })).await;
    }

    /// What a script answers; the pages themselves run none.
    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        self.ask(Method::POST, "execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// What the browser has complained of since it was last asked: a policy that was violated, say.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.ask(Method::POST, "se/log", json!({ "type": "browser" })).await;
        let lines = log.as_array().unwrap().iter().filter(|line| line["source"] != "network");
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// By the protocol of Chromium's own tools: windows of a desktop cannot be as narrow as a phone.
    async fn resize(&self, Screen { width, height, is_dark }: Screen) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        for (command, parameters) in
            [("Emulation.setDeviceMetricsOverride", size), ("Emulation.setEmulatedMedia", media)]
        {
            let body = json!({ "cmd": command, "params": parameters });
            self.ask(Method::POST, "goog/cdp/execute", body).await;
        }
    }

    async fn clickable(&self, words: &str) -> String {
        self.find(&format!("//*[self::a or self::button][contains(normalize-space(), {words:?})]")).await
    }

    /// The first element of an XPath; waits until there is one.
    async fn find(&self, path: &str) -> String {
        let found = self.ask(Method::POST, "element", json!({ "using": "xpath", "value": path })).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: Method, command: &str, body: Value) -> Value {
        self.call(method, &format!("/{}/{command}", self.session), body).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let mut request = self.http.request(method, format!("http://{}/session{path}", self.address));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let value = &answer["value"];
        assert!(value.get("error").is_none(), "{path} {body}: {}: {}", value["error"], value["message"]);
        value.clone()
    }
}

impl Drop for Browser {
    /// Ends the session, and Chromium with it; the driver alone would leave it behind.
    fn drop(&mut self) {
        let Self { driver, address, session, .. } = self;
        if let Ok(mut connection) = TcpStream::connect(&*address) {
            let request =
                format!("DELETE /session/{session} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
            let _ = connection.write_all(request.as_bytes());
            let _ = connection.read(&mut [0; 64]);
        }
        let _ = driver.kill();
        let _ = driver.wait();
    }
}

/// Starts the driver and tells the port that it has chosen.
fn start() -> (Child, u16) {
    let mut driver = Command::new("chromedriver");
    driver.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = driver.spawn().unwrap_or_else(|error| {
        panic!("chromedriver does not start ({error}): run `cargo xtask setup` once (it needs the network)")
    });
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
    (driver, port.expect("the driver tells its port"))
}

fn capabilities() -> Value {
    let arguments = [
        "--headless=new",
        // The sandbox wants rights that root in a container does not have. Only our own pages are opened.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ];
    json!({ "alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "implicit": PATIENCE_IN_MS, "pageLoad": PATIENCE_IN_MS, "script": PATIENCE_IN_MS },
    }})
}
