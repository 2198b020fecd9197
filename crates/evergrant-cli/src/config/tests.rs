use std::{fs, path::PathBuf};

use evergrant::{
    clock::{Clock, SystemClock},
    proto::time::Timestamp,
};
use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A settings file in a folder of its own.
struct Written {
    folder: TempDir,
}

impl Written {
    fn new(text: &str) -> Self {
        let written = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(written.path(), text).unwrap();
        written
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("evergrant.toml")
    }

    fn read(&self) -> Settings {
        Settings::read(&Flags::default(), &Environment::default(), Some(&self.path()))
    }
}

fn config(text: &str) -> Result<Config, Failure> {
    let written = Written::new(text);
    Config::of(&SettingsOptions { config: Some(written.path()), catalogue: None })
}

/// The findings on settings from a file, one line each, without the folder.
fn findings(text: &str) -> Vec<String> {
    let written = Written::new(text);
    let folder = format!("{}/", written.folder.path().display());
    let findings = check(&written.read(), NOW);
    findings
        .iter()
        .map(|finding| format!("{}: {finding}", finding.weight.name()).replace(&folder, ""))
        .collect()
}

#[test]
fn a_flag_goes_before_the_environment_the_environment_before_the_file_and_the_file_before_the_default() {
    let written = Written::new("listen = '127.0.0.1:1'\ndrain = 1\n\n[log]\nfilter = 'info'\n");
    let environment = Environment::of(&[("EVERGRANT_LISTEN", "127.0.0.1:2"), ("EVERGRANT_DRAIN", "2")]);
    let flags = Flags::default().with(&setting::LISTEN, "127.0.0.1:3");
    let settings = Settings::read(&flags, &environment, Some(&written.path()));
    assert!(settings.findings.is_empty(), "{:?}", settings.findings);
    let config = &settings.config;
    assert_eq!((config.listen.port(), config.drain), (3, Some(Duration::from_secs(2))));
    assert_eq!((config.log.filter.as_str(), config.log.json), ("info", false));
    assert_eq!(settings.source("listen"), Source::Flag("listen"));
    assert_eq!(settings.source("drain"), Source::Variable("EVERGRANT_DRAIN".to_owned()));
    assert_eq!(settings.source("log.filter"), Source::File(written.path(), 5));
    assert_eq!(settings.source("log.format"), Source::Default);
}

#[test]
fn every_setting_can_be_given_in_the_file_the_environment_and_on_the_command_line() {
    let texts: Vec<_> = SETTINGS.iter().map(|setting| (*setting, sample(setting.name))).collect();
    let file = texts.iter().fold(String::new(), |file, (setting, text)| match setting.kind {
        setting::Kind::Text => format!("{file}{} = '{text}'\n", setting.name),
        setting::Kind::List => format!("{file}{} = ['{text}']\n", setting.name),
        setting::Kind::Number | setting::Kind::Switch => format!("{file}{} = {text}\n", setting.name),
    });
    let variables: Vec<_> = texts.iter().map(|(setting, text)| (setting.variable, *text)).collect();
    let flags = texts.iter().fold(Flags::default(), |flags, (setting, text)| flags.with(setting, *text));
    let empty = Environment::default();
    let written = Written::new(&file);
    for (name, settings) in [
        ("file", Settings::read(&Flags::default(), &empty, Some(&written.path()))),
        ("environment", Settings::read(&Flags::default(), &Environment::of(&variables), None)),
        ("flag", Settings::read(&flags, &empty, None)),
    ] {
        assert!(settings.findings.is_empty(), "{name}: {:?}", settings.findings);
        for (setting, text) in &texts {
            let row = settings.effective.iter().find(|row| row.name == setting.name).unwrap();
            assert_eq!((row.shown.as_deref(), row.source.name()), (Some(*text), name), "{}", setting.name);
        }
    }
}

fn sample(name: &str) -> &'static str {
    match name {
        "listen" => "127.0.0.1:7",
        "store" => "sqlite:/a",
        "public_url" => "https://a.example/",
        "behind_proxy" | "egress.allow_loopback_http" => "true",
        "log.format" => "json",
        "log.filter" => "info",
        "egress.allow_networks" => "10.0.0.0/8",
        "egress.proxy" => "http://p:1",
        "key_file" | "catalogue" | "tls.certificate" | "tls.key" | "egress.ca_bundle" => "/a/b",
        _ => "7",
    }
}

#[test]
fn every_mistake_is_told_at_once_with_its_line_and_what_was_meant() {
    let text = "listn = 'x'\nlisten = 8780\ndrain = -1\nstore = 'postgres://me:canary@db'\npublic_url = 'http://a.example'\n\n[tls]\ncertifcate = 'a'\nkey = 'b'\n\n[colour]\nx = 1\n";
    let found = findings(text);
    for expected in [
        "refused: evergrant.toml:1: listn: there is no such setting; did you mean listen?",
        "refused: evergrant.toml:2: listen: takes a text in quotation marks, not this number",
        "refused: evergrant.toml:3: drain: takes a whole number that is not negative, not this number",
        "refused: evergrant.toml:5: public_url: is not https; providers send users back there: give its https address",
        "refused: evergrant.toml:8: tls.certifcate: there is no such setting; did you mean tls.certificate?",
        "refused: evergrant.toml:11: colour: there is no such setting",
        "refused: tls.certificate: is missing: certificate and key belong together",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected}\n{found:#?}");
    }
    assert!(found.iter().any(|line| line.starts_with("refused: evergrant.toml:4: store: ")), "{found:#?}");
    assert_eq!(found.len(), 8, "{found:#?}");
    assert!(!found.concat().contains("canary"));
}

#[test]
fn mistakes_of_the_syntax_and_a_file_that_is_not_there_are_told() {
    let found = findings("listen = \n\n= 3\n[tls\n");
    assert!(found.iter().any(|line| line.starts_with("refused: evergrant.toml:1: ")), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("refused: evergrant.toml:3: ")), "{found:#?}");
    let nowhere =
        Settings::read(&Flags::default(), &Environment::default(), Some(Path::new("/nowhere.toml")));
    assert!(nowhere.findings[0].to_string().starts_with("cannot read /nowhere.toml: "), "{nowhere:?}");
}

#[test]
fn a_mistake_behind_a_value_that_goes_before_it_is_told_as_well() {
    let environment =
        Environment::of(&[("EVERGRANT_LISTEN", "nowhere"), ("EVERGRANT_BEHIND_PROXY", "maybe")]);
    let flags = Flags::default().with(&setting::LISTEN, "127.0.0.1:3");
    let settings = Settings::read(&flags, &environment, None);
    assert_eq!(settings.config.listen.port(), 3);
    let told: Vec<_> = settings.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "EVERGRANT_BEHIND_PROXY: behind_proxy: takes true or false",
            "EVERGRANT_LISTEN: listen: takes an address and a port, such as 127.0.0.1:8780",
        ]
    );
}

#[test]
fn a_variable_that_nothing_reads_is_noted() {
    let settings = Settings::read(&Flags::default(), &Environment::of(&[("EVERGRANT_PUBLICURL", "x")]), None);
    assert_eq!(settings.findings[0].weight, Weight::Note);
    assert!(settings.findings[0].to_string().ends_with("did you mean EVERGRANT_PUBLIC_URL?"));
}

#[test]
fn beyond_loopback_a_certificate_is_needed_or_a_proxy_that_has_one() {
    let url = "public_url = 'https://a.example'\n";
    for address in ["0.0.0.0:8780", "192.0.2.1:80", "[::]:8780"] {
        let found = findings(&format!("listen = '{address}'\n{url}"));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].starts_with("refused: evergrant.toml:1: listen: ") && found[0].contains("behind_proxy")
        );
        assert!(findings(&format!("listen = '{address}'\nbehind_proxy = true\n{url}")).is_empty());
    }
    for address in ["127.0.0.1:8780", "127.8.8.8:80", "[::1]:8780"] {
        assert!(findings(&format!("listen = '{address}'\n")).is_empty());
    }
}

#[test]
fn without_a_public_address_links_of_a_server_for_others_lead_nowhere() {
    let found = findings("listen = '0.0.0.0:8780'\nbehind_proxy = true\n");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("wrong: public_url: is not set"), "{found:#?}");
    assert!(findings("public_url = 'http://localhost:8780'\n").is_empty());
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_and_one_that_has_expired_is_wrong() {
    let written = Written::new("[tls]\ncertificate = 'CHAIN'\nkey = 'KEY'\n");
    let (chain, key) = (written.folder.path().join("chain.pem"), written.folder.path().join("key.pem"));
    let text = fs::read_to_string(written.path()).unwrap();
    let text = text.replace("CHAIN", chain.to_str().unwrap()).replace("KEY", key.to_str().unwrap());
    fs::write(written.path(), text).unwrap();
    let told = |now| {
        check(&written.read(), now)
            .iter()
            .map(|finding| (finding.weight, finding.to_string()))
            .collect::<Vec<_>>()
    };
    let found = told(NOW);
    assert!(
        matches!(&found[..], [(Weight::Refused, first), (Weight::Refused, second)]
        if first.contains(":2: tls.certificate: cannot read") && second.contains(":3: tls.key: cannot read")),
        "{found:?}"
    );

    let pair = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2026, 1, 1);
    fs::write(&chain, params.self_signed(&pair).unwrap().pem()).unwrap();
    let found = told(NOW);
    assert!(
        matches!(&found[..], [(Weight::Refused, text)] if text.contains(":3: tls.key: cannot read")),
        "{found:?}"
    );
    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(matches!(&told(NOW)[..], [(Weight::Refused, text)] if text.contains("is not the one of")));

    fs::write(&key, pair.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let found = told(NOW);
    assert!(
        matches!(&found[..], [(Weight::Wrong, expired), (Weight::Note, readable)]
        if expired.contains("2026-01-01T00:00:00Z") && readable.contains("0644")),
        "{found:?}"
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(told(Timestamp::from_seconds(1_700_000_000)), []);
    assert!(SystemClock.now().wall > Timestamp::from_seconds(1_700_000_000));
}

#[test]
fn what_is_named_has_to_be_there() {
    let found =
        findings("catalogue = '/nowhere'\nkey_file = '/nowhere.key'\n[egress]\nca_bundle = '/nowhere.pem'\n");
    for (line, place) in found.iter().zip(["1: catalogue", "2: key_file", "4: egress.ca_bundle"]) {
        assert!(line.starts_with(&format!("refused: evergrant.toml:{place}: ")), "{line}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn a_password_is_masked_and_not_taken_from_the_command_line() {
    let proxy = "http://me:canary@proxy:3128";
    let environment = Environment::of(&[(PROXY.variable, proxy)]);
    let settings = Settings::read(&Flags::default(), &environment, None);
    let row = settings.effective.iter().find(|row| row.name == PROXY.name).unwrap();
    assert_eq!(row.shown.as_deref(), Some("http://***@proxy:3128"));
    assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");

    let settings = Settings::read(&Flags::default().with(&PROXY, proxy), &Environment::default(), None);
    assert!(settings.findings[0].to_string().contains(PROXY.variable), "{settings:?}");
}

#[test]
fn keys_of_a_file_seal_unless_others_can_read_it() {
    let written = Written::new("");
    let key = written.folder.path().join("sealing.key");
    fs::write(&key, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n").unwrap();
    fs::write(written.path(), format!("key_file = '{}'\n", key.display())).unwrap();
    for (mode, taken) in [(0o400, true), (0o440, true), (0o644, false)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(written.read().config.keys().is_ok_and(|keys| keys.is_some()), taken, "{mode:o}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "canary").unwrap();
    let error = written.read().config.keys().unwrap_err().to_string();
    assert!(error.contains("32 bytes") && !error.contains("canary"), "{error}");
}

#[test]
fn the_log_of_events_is_kept_as_long_as_is_said_and_for_ninety_days_where_nothing_is() {
    let kept = |text: &str| config(text).unwrap().events;
    assert_eq!(kept(""), Retention { keep_for: 90 * DAY, keep_last: 100 });
    assert_eq!(kept("[events]\nkeep_days = 7\n"), Retention { keep_for: 7 * DAY, keep_last: 100 });
    assert_eq!(kept("[events]\nkeep_last = 0\n"), Retention { keep_for: 90 * DAY, keep_last: 0 });
}

#[test]
fn a_mistyped_setting_is_an_error_that_names_its_line_and_quotes_no_value() {
    let text = "[egress]\nproxy = \"http://me:canary@proxy:3128\"\nalow_networks = [\"10.0.0.0/8\"]\n";
    let error = config(text).unwrap_err().to_string();
    assert!(error.contains("evergrant.toml:3: ") && error.contains("alow_networks"), "{error}");
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn an_own_provider_is_added_and_a_mistake_in_it_is_told_with_file_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("README.md"), "no provider").unwrap();
    fs::write(folder.path().join("acme.toml"), "id = 'acme'\nname = 'Acme'\n").unwrap();
    let options = SettingsOptions { config: None, catalogue: Some(folder.path().to_owned()) };
    let catalogue = Config::of(&options).unwrap().catalogue().unwrap();
    assert_eq!(catalogue.provider("acme").unwrap().name, "Acme");
    assert!(catalogue.is_own("acme") && !catalogue.is_own("google"));

    fs::write(folder.path().join("acme.toml"), "id = 'acme'\nnaem = 'Acme'\n").unwrap();
    let error = Config::of(&options).unwrap().catalogue().unwrap_err().to_string();
    assert!(error.contains("acme.toml:2: naem: unknown field"), "{error}");
}

#[test]
fn networks_and_proxy_are_parsed() {
    let read = config("[egress]\nallow_networks = [\"10.0.0.0/8\"]\nproxy = \"http://p:1\"\n").unwrap();
    let egress = read.egress(false).unwrap();
    assert_eq!(egress.allow_networks.len(), 1);
    assert!(egress.proxy.is_some());
    assert!(config("[egress]\nallow_networks = [\"ten\"]\n").is_err());
}
