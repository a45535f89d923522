use std::collections::HashMap;
use std::hash::Hash;

/// How much the first places count above the later ones; the usual figure.
const DAMPING: f64 = 60.0;

/// Several rankings as one, by reciprocal ranks: what stands high in any of them stands high. Each with its score
/// and its place in each ranking, from 1.
///
/// Source: Cormack, Clarke, Büttcher: Reciprocal Rank Fusion outperforms Condorcet (SIGIR 2009).
pub fn fuse<T: Copy + Eq + Hash + Ord>(rankings: &[Vec<T>]) -> Vec<(T, f64, Vec<Option<u64>>)> {
    let mut all: HashMap<T, Vec<Option<u64>>> = HashMap::new();
    for (at, ranking) in rankings.iter().enumerate() {
        for (item, rank) in ranking.iter().zip(1u64..) {
            let places = all.entry(*item).or_insert_with(|| vec![None; rankings.len()]);
            if let Some(place) = places.get_mut(at) {
                place.get_or_insert(rank);
            }
        }
    }
    let score =
        |places: &[Option<u64>]| places.iter().flatten().map(|rank| 1.0 / (DAMPING + *rank as f64)).sum::<f64>();
    let mut fused: Vec<_> = all.into_iter().map(|(item, places)| (item, score(&places), places)).collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_know_comes_first() {
        let fused = fuse(&[vec![1, 2, 3], vec![4, 2]]);
        let places: Vec<_> = fused.iter().map(|(item, _, places)| (*item, places.as_slice())).collect();
        assert_eq!(
            places,
            [(2, &[Some(2), Some(2)][..]), (1, &[Some(1), None]), (4, &[None, Some(1)]), (3, &[Some(3), None]),]
        );
        assert!((fused[0].1 - 2.0 / 62.0).abs() < 1e-9);
        assert!(fuse::<u64>(&[vec![], vec![]]).is_empty());
    }
}
