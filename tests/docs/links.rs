//! Links and their anchors.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::pages::{Page, pages, root};

/// The targets of all links.
fn links(page: &Page) -> Vec<String> {
    let mut links = Vec::new();
    for line in page.prose() {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.extend(targets.map(|(target, _)| target.to_owned()));
    }
    links
}

/// Anchors of headings, as GitHub makes them: a second heading of the same words gets a number.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in page.prose().into_iter().filter(|line| line.starts_with('#')) {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let numbered = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(numbered).find(|anchor| !anchors.contains(anchor));
        anchors.insert(free.unwrap());
    }
    anchors
}

/// The file that a link names, from the root of the package.
fn target(page: &Page, path: &str) -> PathBuf {
    if path.is_empty() {
        return page.path.clone();
    }
    let mut target = PathBuf::new();
    for part in page.path.parent().unwrap().join(path).components() {
        match part {
            Component::ParentDir => assert!(target.pop(), "{path} leads out of the repository"),
            part => target.push(part),
        }
    }
    target
}

/// Why a link leads nowhere.
fn broken(page: &Page, link: &str) -> Option<&'static str> {
    if link.starts_with("https://") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = target(page, path);
    if !root().join(&target).exists() {
        return Some("there is no such file");
    }
    let is_found = anchor.is_empty() || anchors(&Page::read(target)).contains(anchor);
    (!is_found).then_some("there is no such heading")
}

#[test]
fn every_link_has_a_target() {
    let (mut faults, mut count) = (Vec::new(), 0);
    for page in pages() {
        for link in links(&page) {
            count += 1;
            if let Some(why) = broken(&page, &link) {
                faults.push(format!("{}: {link}: {why}", page.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 100, "{count}");
}

#[test]
fn every_page_is_reached_from_the_readme() {
    let pages = pages();
    let mut reached = BTreeSet::from([PathBuf::from("README.md")]);
    loop {
        let from = pages.iter().filter(|page| reached.contains(&page.path));
        let to: BTreeSet<PathBuf> = from
            .flat_map(|page| links(page).into_iter().map(move |link| (page, link)))
            .filter(|(_, link)| !link.starts_with("https://"))
            .map(|(page, link)| target(page, link.split('#').next().unwrap()))
            .collect();
        let before = reached.len();
        reached.extend(to);
        if reached.len() == before {
            break;
        }
    }
    let lonely: Vec<&Path> =
        pages.iter().map(|page| page.path.as_path()).filter(|path| !reached.contains(*path)).collect();
    assert!(lonely.is_empty(), "no link leads to {lonely:?}");
}
