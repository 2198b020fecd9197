use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_grant() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.token(&grant).await.ok();
    world.token("g_00000000000000000000000000000001").await.problem(404, "no_such_grant");
    let page = world.browse(Method::GET, "/metrics").await;
    assert!(page.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        r#"evergrant_http_requests_total{method="GET",route="/v1/grants/{grant}/token",status="200"} 1"#,
        r#"evergrant_http_request_duration_seconds_count{route="/v1/grants/{grant}/token"} 2"#,
        r#"evergrant_problems_total{reason="no_such_grant"} 1"#,
        "evergrant_store_up 1",
        "evergrant_store_writable 1",
        "evergrant_store_quarantined 0",
        "evergrant_lifeboat_records 0",
    ] {
        assert!(page.body.lines().any(|candidate| candidate == line), "{line}\n{}", page.body);
    }
    assert!(!page.body.contains("g_0") && !page.body.contains(&grant), "{}", page.body);
    for private in ["alice", "shop", "default", "neighbour"] {
        assert!(!page.body.contains(private), "{private} is nobody's business\n{}", page.body);
    }
}

#[tokio::test]
async fn what_happens_to_grants_is_counted_by_kind_and_cause_from_the_first_look_on() {
    let world = World::new().await;
    world.connect("alice").await;
    let before = world.browse(Method::GET, "/metrics").await.body;
    let nothing = Page::parse(&before);
    assert!(nothing.samples("evergrant_events_total").iter().all(|sample| sample.value == 0.0), "{before}");
    assert!(!before.contains("evergrant_causes_total{"), "{before}");
    let grant = world.connect("bob").await;
    world.kill("bob").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    let after = Page::parse(&world.browse(Method::GET, "/metrics").await.body);
    let family = after.samples("evergrant_events_total");
    let of_kind = |sample: &&Sample, kind: &str| sample.labels["kind"] == kind;
    let count = |kind| family.iter().find(|sample| of_kind(sample, kind)).unwrap().value.to_string();
    let counts = ["connected", "needs_reauthorization", "client_rejected"].map(count);
    assert_eq!(counts, ["1", "1", "0"], "a kind that is still to come is there as well: {family:?}");
    let causes = after.samples("evergrant_causes_total");
    assert!(causes.iter().all(|sample| of_kind(&sample, "needs_reauthorization")), "{causes:?}");
    assert_eq!(causes.len(), 1);
}

#[tokio::test]
async fn the_page_is_strictly_what_the_text_format_says() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.token(&grant).await.ok();
    world.post("/v1/clients", json!({ "name": "a\"b\\c\n" })).await;
    world.get("/v1/nowhere/\"\\").await;
    world.browse(Method::GET, "/metrics").await;
    let page = Page::parse(&world.browse(Method::GET, "/metrics").await.body);
    assert!(page.0.len() >= 18, "{:?}", page.0.keys());
    for (name, family) in &page.0 {
        assert!(name.starts_with("evergrant_") || name.starts_with("process_"), "{name}");
        assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name}");
        for sample in &family.samples {
            assert!(sample.value >= 0.0, "{name}");
        }
        if family.kind == "histogram" {
            check_histogram(name, family);
        }
    }
    let resident = page.samples("process_resident_memory_bytes")[0].value;
    assert!(resident > 1e6, "{resident} bytes are not a process");
    assert!(page.samples("process_open_fds")[0].value < page.samples("process_max_fds")[0].value);
}

/// A page, read as Prometheus reads it, and more strictly: families are whole, series are there once.
struct Page(BTreeMap<String, Family>);

#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Page {
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'));
        let (mut families, mut seen) = (BTreeMap::<String, Family>::new(), BTreeSet::new());
        let (mut helped, mut current) = (None, String::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                helped = Some(help.split_once(' ').unwrap().0);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(helped.take(), Some(name), "help goes before type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                let family = Family { kind: kind.to_owned(), samples: Vec::new() };
                assert!(families.insert(name.to_owned(), family).is_none(), "{name} comes twice");
                name.clone_into(&mut current);
            } else {
                let sample = Sample::parse(line);
                let family = families.get_mut(&current).unwrap();
                let suffix = sample.name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{line}"));
                let suffixes: &[&str] =
                    if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(suffixes.contains(&suffix), "{line} is not of {current}");
                assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "{line} comes twice");
                family.samples.push(sample);
            }
        }
        Self(families)
    }

    fn samples(&self, family: &str) -> &[Sample] {
        &self.0[family].samples
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, mut rest) = match series.split_once('{') {
            None => (series, ""),
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        };
        assert!(is_name(name), "{line}");
        let mut labels = BTreeMap::new();
        while !rest.is_empty() {
            let (label, quoted) = rest.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let (value, behind) = unquote(quoted);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
        Self { name: name.to_owned(), labels, value: value.parse().unwrap() }
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
}

/// A value up to its closing quotation mark, and what follows that.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((index, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[index + 1..]),
            '\\' => match letters.next().unwrap().1 {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\') => value.push(escaped),
                other => panic!("\\{other} means nothing"),
            },
            _ => value.push(letter),
        }
    }
    panic!("{quoted} does not end")
}

/// Buckets grow, and the last one holds everything.
fn check_histogram(name: &str, family: &Family) {
    let routes: BTreeSet<_> = family.samples.iter().map(|sample| sample.labels["route"].clone()).collect();
    for route in routes {
        let of = |suffix: &str| {
            let name = format!("{name}{suffix}");
            let mine = |sample: &&Sample| sample.name == name && sample.labels["route"] == route;
            family.samples.iter().filter(mine).collect::<Vec<_>>()
        };
        let buckets = of("_bucket");
        let ends: Vec<f64> = buckets.iter().map(|bucket| bucket.labels["le"].parse().unwrap()).collect();
        assert!(ends.is_sorted() && ends.last() == Some(&f64::INFINITY), "{ends:?}");
        assert!(buckets.is_sorted_by(|one, other| one.value <= other.value), "{buckets:?}");
        let (sums, counts) = (of("_sum"), of("_count"));
        assert_eq!((sums.len(), counts.len()), (1, 1));
        assert!((buckets.last().unwrap().value - counts[0].value).abs() < f64::EPSILON);
    }
}
