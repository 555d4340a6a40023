//! Branches: `if` and `switch`.

use super::context::Context;
use super::flow::{FlowCompiler, Steps};
use super::reply::test;
use crate::scenario::document::{Step, Test};
use crate::scenario::plan::{BranchOp, Op};
use crate::scenario::yaml::{Located, Position};

/// The most cases of a branch: a client remembers which it was in one byte.
const MAX_CASES: usize = 200;

impl FlowCompiler<'_, '_> {
    /// Compiles an `if` step.
    pub(super) fn condition(&mut self, step: &Located<Step>, condition: &Located<Test>) -> Option<()> {
        let Some(then) = &step.value.then else {
            self.context.missing(
                step.at,
                "an `if` needs `then:` with the steps if the message looks like it",
            );
            return None;
        };
        self.branch(step, &[(condition, then)])
    }

    /// Compiles a `switch` step.
    pub(super) fn switch(&mut self, step: &Located<Step>) -> Option<()> {
        let cases = step.value.switch.as_ref()?;
        if cases.value.is_empty() || cases.value.items.len() > MAX_CASES {
            let message =
                format!("expected 1 to {MAX_CASES} cases, such as `- {{case: {{contains: ok}}, do: [...]}}`");
            self.context.problem(cases.at, message);
            return None;
        }
        let arms: Vec<_> = cases
            .value
            .items
            .iter()
            .map(|case| (&case.value.case, &case.value.body))
            .collect();
        self.damaged |= cases.value.damaged;
        self.branch(step, &arms)
    }

    fn branch(&mut self, step: &Located<Step>, arms: &[(&Located<Test>, &Located<Steps>)]) -> Option<()> {
        check_message(self.context, step.at, self.ops.last(), self.damaged);
        let begin = self.ops.len();
        let tests: Vec<_> = arms
            .iter()
            .map(|(condition, _)| test(self.context, condition))
            .collect();
        self.push(step.at, Op::Branch(BranchOp::default()));
        let mut begins = Vec::new();
        let mut jumps = Vec::new();
        for (_, body) in arms {
            begins.push(self.ops.len());
            self.steps(&body.value);
            jumps.push(self.ops.len());
            self.push(step.at, Op::Jump { to: 0 });
        }
        let otherwise = self.ops.len();
        if let Some(body) = &step.value.otherwise {
            self.steps(&body.value);
        }
        let end = self.ops.len();
        for jump in jumps {
            self.ops[jump] = Op::Jump { to: end };
        }
        let cases = tests
            .into_iter()
            .zip(begins)
            .map(|(test, begin)| Some((test?, begin)));
        self.ops[begin] = Op::Branch(BranchOp {
            cases: cases.collect::<Option<_>>()?,
            otherwise,
            end,
        });
        Some(())
    }
}

/// A branch looks at the message that the step directly before waited for.
fn check_message(context: &mut Context<'_>, at: Position, before: Option<&Op>, damaged: bool) {
    let waited = match before {
        Some(Op::Send(send)) => send.reply.as_ref().is_some_and(|reply| reply.wait),
        Some(Op::Expect(_) | Op::Receive { .. }) => true,
        _ => false,
    };
    if !waited && !damaged {
        context.problem(
            at,
            "a branch looks at the message that the step directly before waited for: a `send` with a reply, \
             an `expect` or a `receive`",
        );
    }
}
