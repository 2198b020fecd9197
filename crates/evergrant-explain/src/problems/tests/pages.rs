//! Every page says what it must, and nothing that is not there.

use std::collections::BTreeSet;

use evergrant_proto::{diagnosis::Cause, provider::Catalogue};

use crate::problems::{Advice, Category, FILES, Problem, all, find, source};

/// Longer ones are not read by somebody whose service is down.
const LONGEST_PAGE: usize = 125;
const LONGEST_LINE: usize = 120;
const CLI: &str = include_str!("../../../../../docs/cli.md");

#[test]
fn every_file_is_a_page() {
    for (name, text) in FILES {
        if let Err(error) = source::parse(name, text) {
            panic!("{error}");
        }
    }
}

#[test]
fn every_cause_has_a_page_and_every_page_a_cause() {
    let causes: BTreeSet<&str> = Cause::all().map(Cause::as_str).collect();
    let pages: BTreeSet<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(causes, pages);
    for cause in Cause::all() {
        assert_eq!(find(cause.as_str()).map(|problem| problem.id), Some(cause));
    }
    assert_eq!(find("no_such_cause"), None);
}

#[test]
fn every_category_has_pages() {
    for category in Category::ALL {
        assert!(all().iter().any(|problem| problem.category == category), "{category:?}");
    }
}

#[test]
fn every_page_has_its_facts() {
    for problem in all() {
        let id = problem.id;
        assert!(!problem.title.ends_with('.') && problem.title.len() <= 64, "{id}: {}", problem.title);
        assert!(problem.symptoms.len() >= 4, "{id}: symptoms");
        assert!(problem.questions.len() >= 3, "{id}: questions");
        assert!(!problem.culprits.is_empty() && problem.related.len() >= 2, "{id}");
        assert!(problem.root_cause.ends_with('.'), "{id}: {}", problem.root_cause);
        assert!(problem.workarounds.len() >= 2 && problem.dead_ends.len() >= 2, "{id}: advice");
        assert!(problem.statuses.iter().all(|status| (200..600).contains(status)), "{id}: statuses");
        assert!(problem.applies_to.everywhere || !problem.applies_to.providers.is_empty(), "{id}");
        check_advice(problem);
    }
}

fn check_advice(problem: &Problem) {
    for Advice { what, why, measured, .. } in problem.workarounds.iter().chain(&problem.dead_ends) {
        assert!(what.ends_with(['.', '?']), "{}: {what}", problem.id);
        assert!(why.ends_with(['.', ')', '"']) && why.len() > 20, "{}: {why}", problem.id);
        assert_eq!(*measured, None, "{}: a rate is counted, not written", problem.id);
    }
}

#[test]
fn nothing_is_listed_twice() {
    for problem in all() {
        for list in
            [&problem.error_codes, &problem.symptoms, &problem.questions, &problem.applies_to.providers]
        {
            let once: BTreeSet<_> = list.iter().collect();
            assert_eq!(once.len(), list.len(), "{}: {list:?}", problem.id);
        }
        let related: BTreeSet<_> = problem.related.iter().collect();
        assert_eq!(related.len(), problem.related.len(), "{}", problem.id);
        assert!(!problem.related.contains(&problem.id), "{} is related to itself", problem.id);
    }
}

#[test]
fn every_provider_is_in_the_catalogue() {
    let catalogue = Catalogue::builtin();
    for problem in all() {
        for id in &problem.applies_to.providers {
            assert!(catalogue.provider(id).is_some(), "{}: {id}", problem.id);
        }
    }
}

#[test]
fn pages_and_lines_are_short() {
    for (name, text) in FILES {
        assert!(text.lines().count() <= LONGEST_PAGE, "{name}.md: {} lines", text.lines().count());
        let body = text.split("\n+++\n").nth(1).unwrap();
        for line in body.lines().filter(|line| !line.starts_with('|') && !line.starts_with('"')) {
            assert!(line.chars().count() <= LONGEST_LINE, "{name}.md: {line}");
        }
    }
}

#[test]
fn links_between_pages_resolve() {
    for (name, text) in FILES {
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let page = target.strip_suffix(".md").is_some_and(|page| find(page).is_some() && page != *name);
            assert!(page || target.starts_with("https://"), "{name}.md links to {target}");
        }
    }
}

#[test]
fn every_command_exists() {
    for (name, text) in FILES {
        for command in commands(text) {
            assert!(is_documented(&command), "{name}.md names `evergrant {}`", command.join(" "));
        }
    }
}

/// The words after `evergrant` in code: the command, and its part if it has parts.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let code = text.split('`').skip(1).step_by(2).chain(text.lines());
    let calls = code.filter_map(|code| code.trim_start().strip_prefix("evergrant "));
    let plain = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    calls.map(|call| call.split_whitespace().take(2).take_while(plain).collect()).collect()
}

/// Whether the table of commands has it: `clients add\|list\|...`.
fn is_documented(command: &[&str]) -> bool {
    let [name, rest @ ..] = command else { return false };
    let rows = CLI.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(row, _)| row));
    let rows = rows.filter(|row| row.split_whitespace().next() == Some(name));
    let parts = |row: &str| {
        row.split_whitespace().nth(1).unwrap_or_default().split("\\|").map(str::to_owned).collect::<Vec<_>>()
    };
    let mut rows = rows.map(parts).peekable();
    let known = rows.peek().is_some();
    let has_parts = |parts: &Vec<String>| parts.iter().any(|part| rest.iter().any(|word| word == part));
    // What follows a command without parts is its argument: a provider's id, a file.
    let plain =
        |parts: &Vec<String>| parts.iter().all(|part| !part.bytes().all(|byte| byte.is_ascii_lowercase()));
    known && (rest.is_empty() || rows.any(|parts| has_parts(&parts) || plain(&parts)))
}

#[test]
fn the_check_of_commands_finds_what_does_not_exist() {
    assert!(is_documented(&["clients", "update"]) && is_documented(&["token"]));
    assert!(!is_documented(&["clients", "mend"]) && !is_documented(&["fix"]));
    assert_eq!(
        commands("x `evergrant store adopt` y\nevergrant token GRANT\n"),
        [vec!["store", "adopt"], vec!["token"]]
    );
}

#[test]
fn every_page_renders_everywhere() {
    for problem in all() {
        let html = problem.to_html();
        assert!(html.contains("<h2>What never helps</h2>\n<ul>"), "{}: {html}", problem.id);
        assert!(!html.contains("href=\"#\"") && !html.contains("<script"), "{}", problem.id);
        assert!(problem.to_terminal(80, false).starts_with(&problem.title), "{}", problem.id);
        assert!(problem.to_terminal(80, true).contains("\u{1b}[1m"), "{}", problem.id);
        assert!(problem.to_markdown().starts_with(&format!("# {}\n", problem.title)));
        let json = serde_json::to_value(problem).unwrap();
        assert_eq!(json["id"], problem.id.as_str());
    }
}

#[test]
fn a_measured_rate_is_shown_with_its_step() {
    use evergrant_proto::diagnosis::Action;

    use crate::problems::Measured;

    let rate = |action| (action == Action::Reauthorize).then_some(Measured { worked: 12, tried: 14 });
    let page = find("user_revoked").unwrap().with_rates(rate);
    assert!(page.to_html().contains("<em>Worked here 12 of 14 times.</em>"));
    assert!(page.to_terminal(80, false).contains("12 of 14 times"));
    assert_eq!(serde_json::to_value(&page).unwrap()["workarounds"][0]["measured"]["worked"], 12);
    assert!(!find("user_revoked").unwrap().to_html().contains("Worked here"));
}
