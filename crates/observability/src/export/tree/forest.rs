//! Which span stands where: spans in the order and depth in which a tree shows them.
//!
//! Position: under [`render_tree`](super::render_tree) and the tree of tests.
//!
//! Invariants: every span appears exactly once, whatever its parent claims to be, and the walk needs
//! no more stack for a deep tree than for a flat one.

use std::collections::HashMap;

use super::super::SpanRecord;

/// One line of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Index into the spans.
    pub(crate) span: usize,
    /// 0 for a root.
    pub(crate) depth: usize,
    /// Whether no sibling follows.
    pub(crate) is_last: bool,
    pub(crate) has_children: bool,
}

type Key = ([u8; 16], [u8; 8]);

/// Siblings by start, then in the order given; parents before children. A span whose parent is not
/// among the spans is a root; so is the first span of a circle.
pub(crate) fn arrange(spans: &[SpanRecord]) -> Vec<Node> {
    let mut by_start: Vec<usize> = (0..spans.len()).collect();
    by_start.sort_by_key(|&span| spans[span].start_unix_nanos);
    let mut index: HashMap<Key, usize> = HashMap::new();
    for &span in &by_start {
        index
            .entry((spans[span].trace_id, spans[span].span_id))
            .or_insert(span);
    }
    let parent_of = |span: &SpanRecord| {
        span.parent_span_id
            .and_then(|parent| index.get(&(span.trace_id, parent)).copied())
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut roots = Vec::new();
    for &span in &by_start {
        match parent_of(&spans[span]) {
            Some(parent) if parent != span => children[parent].push(span),
            _ => roots.push(span),
        }
    }
    let mut walk = Walk {
        children,
        seen: vec![false; spans.len()],
        nodes: Vec::new(),
    };
    walk.visit(&roots);
    for &span in &by_start {
        if !walk.seen[span] {
            walk.visit(&[span]);
        }
    }
    walk.nodes
}

struct Walk {
    children: Vec<Vec<usize>>,
    seen: Vec<bool>,
    nodes: Vec<Node>,
}

impl Walk {
    fn visit(&mut self, roots: &[usize]) {
        let mut stack = Vec::new();
        push_siblings(&mut stack, roots, 0);
        while let Some(mut node) = stack.pop() {
            if std::mem::replace(&mut self.seen[node.span], true) {
                continue;
            }
            let seen = &self.seen;
            self.children[node.span].retain(|&child| !seen[child]);
            let children = &self.children[node.span];
            node.has_children = !children.is_empty();
            self.nodes.push(node);
            push_siblings(&mut stack, children, node.depth + 1);
        }
    }
}

fn push_siblings(stack: &mut Vec<Node>, spans: &[usize], depth: usize) {
    for (position, &span) in spans.iter().enumerate().rev() {
        let is_last = position + 1 == spans.len();
        stack.push(Node {
            span,
            depth,
            is_last,
            has_children: false,
        });
    }
}
