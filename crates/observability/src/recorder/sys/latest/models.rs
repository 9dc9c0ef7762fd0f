//! A model of a reader beside the thread that gives values: loom runs it in every order there is.

use super::*;
use loom::{sync::Arc, thread};

#[test]
fn loom_a_value_is_read_whole_and_never_an_older_one() {
    loom::model(|| {
        let latest = Arc::new(Latest::<2>::new());
        latest.give([1, 1]);
        let giving = latest.clone();
        let giver = thread::spawn(move || {
            giving.give([2, 2]);
            giving.give([3, 3]);
        });
        let [first, second] = [latest.get(), latest.get()];
        for [one, other] in [first, second] {
            assert_eq!(one, other);
        }
        assert!(first <= second);
        giver.join().unwrap();
        assert_eq!(latest.get(), [3, 3]);
    });
}
