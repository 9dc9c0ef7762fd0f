//! Follows links from the concepts of a question.
//!
//! Position: the third signal of `recall`, and the source of the concepts in an answer.
//!
//! The weight of a concept is 1 for those of the question; along a link it is halved and multiplied by
//! the share of the near concept's turns that mention the far one too. A turn collects the weights of
//! the concepts that it mentions, rare ones counting more.
//!
//! Invariants: at most `graph_depth` times `graph_fanout` concepts are added.

use std::collections::BTreeMap;

use continuum_observability::layers::memory::trace_graph_traversal;

use crate::config::RecallConfig;
use crate::error::MemoryError;
use crate::request::{Concept, Relationship};
use crate::store::{Entity, EntityId, Link, Reader, TurnId};

/// What a link keeps of a weight, at most.
const DECAY: f64 = 0.5;

/// Mentions read for one question, the newest ones.
const MAX_MENTIONS: usize = 4096;

/// Relationships of one answer.
const MAX_RELATIONSHIPS: usize = 100;

/// The concepts near a question, and the turns that mention them.
#[derive(Debug, Default)]
pub(super) struct Neighbourhood {
    concepts: BTreeMap<EntityId, Reached>,
    /// Best first.
    pub(super) turns: Vec<TurnId>,
}

#[derive(Debug)]
struct Reached {
    entity: Entity,
    weight: f64,
}

/// Follows links from the concepts with these keys.
pub(super) fn traverse(
    reader: &Reader<'_>,
    config: &RecallConfig,
    keys: &[String],
) -> Result<Neighbourhood, MemoryError> {
    let starts = reader.entities_by_key(keys)?;
    let Some(first) = starts.first() else {
        return Ok(Neighbourhood::default());
    };
    // The name is a word of the user, so the span gets the id.
    let start_concept = format!("entity:{}", first.id);
    let max_depth = config.graph_depth;
    trace_graph_traversal(&start_concept)
        .max_depth(max_depth)
        .tenant_id(reader.tenant())
        .run_sync(|_| Neighbourhood::around(reader, config, starts))
}

impl Neighbourhood {
    fn around(
        reader: &Reader<'_>,
        config: &RecallConfig,
        starts: Vec<Entity>,
    ) -> Result<Self, MemoryError> {
        let mut found = Self::default();
        let mut frontier = found.start(starts);
        for _ in 0..config.graph_depth {
            if frontier.is_empty() {
                break;
            }
            let links = reader.links_from(&frontier, config.graph_fanout)?;
            frontier = found.follow(reader, &links)?;
        }
        found.rank_turns(reader, config)?;
        Ok(found)
    }

    fn start(&mut self, entities: Vec<Entity>) -> Vec<EntityId> {
        let ids = entities.iter().map(|entity| entity.id).collect();
        let reached = entities.into_iter().map(|entity| {
            (
                entity.id,
                Reached {
                    entity,
                    weight: 1.0,
                },
            )
        });
        self.concepts.extend(reached);
        ids
    }

    /// Adds the far ends of links, and returns those that were not known.
    fn follow(
        &mut self,
        reader: &Reader<'_>,
        links: &[Link],
    ) -> Result<Vec<EntityId>, MemoryError> {
        let mut weights: BTreeMap<EntityId, f64> = BTreeMap::new();
        for link in links
            .iter()
            .filter(|link| !self.concepts.contains_key(&link.to))
        {
            let weight = weights.entry(link.to).or_default();
            *weight = weight.max(self.weight_along(*link));
        }
        let ids: Vec<_> = weights.keys().copied().collect();
        if ids.is_empty() {
            return Ok(ids);
        }
        for entity in reader.entities(&ids)? {
            let weight = weights.get(&entity.id).copied().unwrap_or_default();
            self.concepts.insert(entity.id, Reached { entity, weight });
        }
        Ok(ids)
    }

    fn weight_along(&self, link: Link) -> f64 {
        self.concepts.get(&link.from).map_or(0.0, |near| {
            near.weight * DECAY * link.strength as f64 / near.entity.mentions.max(1) as f64
        })
    }

    fn rank_turns(
        &mut self,
        reader: &Reader<'_>,
        config: &RecallConfig,
    ) -> Result<(), MemoryError> {
        let ids: Vec<_> = self.concepts.keys().copied().collect();
        let mut scores: BTreeMap<TurnId, f64> = BTreeMap::new();
        for mention in reader.mentions(&ids, MAX_MENTIONS)? {
            if let Some(concept) = self.concepts.get(&mention.entity) {
                let rarity = 1.0 / (1.0 + concept.entity.mentions as f64).ln();
                *scores.entry(mention.turn).or_default() += concept.weight * rarity;
            }
        }
        let mut scores: Vec<_> = scores.into_iter().collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        self.turns = scores
            .into_iter()
            .map(|(turn, _)| turn)
            .take(config.candidates)
            .collect();
        Ok(())
    }

    /// The closest concepts and the links among them.
    pub(super) fn closest(
        self,
        reader: &Reader<'_>,
        limit: usize,
    ) -> Result<(Vec<Concept>, Vec<Relationship>), MemoryError> {
        let mut reached: Vec<_> = self.concepts.into_values().collect();
        reached.sort_by(|a, b| {
            b.weight
                .total_cmp(&a.weight)
                .then(a.entity.mentions.cmp(&b.entity.mentions))
        });
        reached.truncate(limit);
        let relationships = relationships(reader, &reached)?;
        Ok((reached.into_iter().map(concept).collect(), relationships))
    }
}

fn relationships(
    reader: &Reader<'_>,
    reached: &[Reached],
) -> Result<Vec<Relationship>, MemoryError> {
    if reached.len() < 2 {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = reached.iter().map(|reached| reached.entity.id).collect();
    let names: BTreeMap<_, _> = reached
        .iter()
        .map(|reached| (reached.entity.id, &reached.entity.name))
        .collect();
    let relationship = |link: Link| {
        let from = (*names.get(&link.from)?).clone();
        let to = (*names.get(&link.to)?).clone();
        Some(Relationship {
            from,
            to,
            strength: link.strength,
        })
    };
    let links = reader.links_among(&ids, MAX_RELATIONSHIPS)?;
    Ok(links.into_iter().filter_map(relationship).collect())
}

fn concept(reached: Reached) -> Concept {
    let Reached { entity, weight } = reached;
    Concept {
        name: entity.name,
        kind: entity.kind,
        mentions: entity.mentions,
        weight,
    }
}
