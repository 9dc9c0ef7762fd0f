//! The trees of two nodes, without what differs from run to run or is shown elsewhere.

/// Attributes that the name of the span repeats, or that other tests show.
const ELSEWHERE: [&str; 21] = [
    "cache.operation=",
    "db.collection.name=",
    "db.operation.name=",
    "db.system.name=",
    "db.response.returned_rows=",
    "db.transaction.committed=",
    "federation.operation=",
    "http.request.method=",
    "http.response.body.size=",
    "http.route=",
    "memory.",
    "messaging.destination.name=",
    "messaging.operation.",
    "messaging.system=",
    "network.protocol.version=",
    "http.request.body.size=",
    "server.address=",
    "tenant.id=",
    "url.path=",
    "url.scheme=",
    "user_agent.original=",
];

/// Replaced because they are different each time.
const RANDOM: [&str; 4] = [
    "federation.peer.instance_id",
    "retry_after",
    "server.port",
    "sync.bytes_transferred",
];

/// One line of a tree, short enough for a picture.
pub(super) fn shorten(line: &str) -> String {
    // Systems number their errors differently.
    let line = match line.split_once(" (os error ") {
        Some((text, rest)) => &[text, rest.split_once(')').unwrap().1].concat(),
        None => line,
    };
    // The text of a statement has spaces.
    let line = match line.split_once(" db.query.text=") {
        Some((before, text)) => {
            let rows = text.find(" db.response.").unwrap_or(text.len());
            &[before, &text[rows..]].concat()
        }
        None => line,
    };
    let indent = line.len() - line.trim_start().len();
    let (name, attributes) = line[indent..]
        .split_once(' ')
        .unwrap_or((&line[indent..], ""));
    let kept = attributes
        .split(' ')
        .filter(|word| !ELSEWHERE.iter().any(|key| word.starts_with(key)));
    let words = kept.map(|word| match word.split_once('=') {
        Some((key, _)) if RANDOM.contains(&key) => format!("{key}=*"),
        _ => word.to_owned(),
    });
    let words: Vec<_> = words.collect();
    format!("{}{name} {}", &line[..indent], words.join(" "))
        .trim_end()
        .to_owned()
}
