//! Completions and manual pages say what the help says.

use std::fs;

use crate::place::Place;

/// Verbs and, for each, its long options, as the help tells them.
fn verbs_and_options(place: &Place) -> Vec<(String, Vec<String>)> {
    let help = place.mmf("--help").ends(0).text();
    let (_, rest) = help.split_once("Verbs:\n").expect("the verbs");
    let (list, _) = rest.split_once("\n\n").expect("their end");
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let verbs = list.lines().filter(is_name).filter_map(|line| line.split_whitespace().next());
    let options = |verb: &str| {
        let help = place.mmf(&format!("{verb} --help")).ends(0).text();
        let (usage, _) = help.split_once("Examples:").expect("examples");
        let lines = usage.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let words = lines.flat_map(|line| line.split([' ', ',']).take(3));
        words.filter(|word| word.starts_with("--")).map(str::to_owned).collect::<Vec<_>>()
    };
    let all: Vec<_> = verbs.map(|verb| (verb.to_owned(), options(verb))).collect();
    assert!(all.len() >= 19 && all.iter().all(|(_, options)| options.len() >= 5), "{all:?}");
    all
}

/// What bash offers behind `line`, whose last word is being typed.
fn completed(place: &Place, line: &str) -> Vec<String> {
    let script = format!(
        "eval \"$(mmf completions bash)\" && complete -p mmf >/dev/null && \
         COMP_WORDS=({line}) && COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) && \
         _mmf mmf \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\" && \
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    fs::write(place.path().join("complete"), script).expect("a script");
    let offered = place.shell("bash complete").ends(0);
    assert_eq!(offered.complaints(), "");
    offered.text().lines().map(str::to_owned).collect::<Vec<_>>()
}

#[test]
fn bash_completes_verbs_and_options() {
    let place = Place::new();
    let offered = completed(&place, "mmf ''");
    for (verb, options) in verbs_and_options(&place) {
        assert!(offered.contains(&verb), "{verb} in {offered:?}");
        let offered = completed(&place, &format!("mmf {verb} --"));
        for option in options {
            assert!(offered.contains(&option), "{option} of {verb} in {offered:?}");
        }
    }
    assert!(!offered.iter().any(|verb| verb == "demo-part"), "{offered:?}");
    assert_eq!(completed(&place, "mmf exp"), ["export"]);
    assert_eq!(completed(&place, "mmf set shop v --type co"), ["counter"]);
}

#[test]
fn every_shell_has_every_verb_and_option() {
    let place = Place::new();
    let verbs = verbs_and_options(&place);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.mmf(&format!("completions {shell}")).ends(0).text();
        assert!(!script.contains("demo-part"), "{shell}");
        for (verb, options) in &verbs {
            assert!(script.contains(verb), "{verb} for {shell}");
            for option in options {
                let name = if shell == "fish" { &option[2..] } else { option };
                assert!(script.contains(name), "{option} of {verb} for {shell}");
            }
        }
    }
    place.mmf("completions tcsh").fails(2, &["invalid value 'tcsh'", "bash"]);
    place.mmf("completions").fails(2, &["<SHELL>"]);
}

/// The text of a page, formatted without a warning.
fn formatted(place: &Place, page: &str) -> String {
    let run = place.shell(&format!("groff -man -Tutf8 -ww -P-c -P-bou {page}")).ends(0);
    assert_eq!(run.complaints(), "", "{page}");
    run.text()
}

#[test]
fn every_verb_has_a_page_with_its_options_and_examples() {
    let place = Place::new();
    fs::create_dir(place.path().join("pages")).expect("a directory");
    place.mmf("man --directory pages").prints("");
    let whole = formatted(&place, "pages/mmf.1");
    let verbs = verbs_and_options(&place);
    for (verb, options) in &verbs {
        assert!(whole.contains(&format!("mmf-{verb}(1)")), "{verb} in {whole}");
        let page = formatted(&place, &format!("pages/mmf-{verb}.1"));
        for part in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES"] {
            assert!(page.contains(part), "{part} in {page}");
        }
        for option in options {
            assert!(
                page.contains(&format!("       {option}")) || page.contains(&format!(", {option}")),
                "{option} in {page}"
            );
        }
        let help = place.mmf(&format!("{verb} --help")).ends(0).text();
        let (_, rest) = help.split_once("Examples:\n").expect("examples");
        for example in rest.lines().take_while(|line| line.starts_with("  ")) {
            assert!(page.contains(example.trim_start()), "{example} in {page}");
        }
        let printed = place.mmf(&format!("man {verb}")).ends(0).text();
        let file = place.path().join(format!("pages/mmf-{verb}.1"));
        assert_eq!(printed, fs::read_to_string(file).expect("the page"));
    }
    let pages = fs::read_dir(place.path().join("pages")).expect("the pages").count();
    assert_eq!(pages, verbs.len() + 1);
    for part in ["EXIT CODES", "ENVIRONMENT", "MMF_DIR", "--timeout", "--version"] {
        assert!(whole.contains(part), "{part} in {whole}");
    }
    let file = place.path().join("pages/mmf.1");
    place.mmf("man").prints(&fs::read_to_string(file).expect("the page"));
}

#[test]
fn pages_that_there_are_not() {
    let place = Place::new();
    place.mmf("man frobnicate").fails(2, &["there is no verb \"frobnicate\""]);
    place.mmf("man demo-part").fails(2, &["there is no verb \"demo-part\""]);
    place.mmf("man --directory missing").fails(4, &["cannot write missing/mmf.1"]);
    place.mmf("man get --directory .").fails(2, &["cannot be used with"]);
}
