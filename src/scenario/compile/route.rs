//! Paths of connections, and the `routes` that give them names.

use super::context::Context;
use crate::scenario::document::Connection;
use crate::scenario::error::{nearest, suggestion};
use crate::scenario::template::{Part, Template};
use crate::scenario::yaml::{Entries, Text};

/// The path of a connection: its own, that of its route, or `/`.
pub(super) fn path(context: &mut Context<'_>, section: &Connection) -> Template {
    let named = section.route.as_ref();
    if let (Some(_), Some(route)) = (&section.path, named) {
        context.problem(
            route.at,
            "`path` and `route` say the same: leave out one of the two",
        );
    }
    let text = match (
        &section.path,
        named.and_then(|field| Some((field.at, context.value(field)?))),
    ) {
        (Some(path), _) => path.clone(),
        (None, None) => return root(),
        (None, Some((at, name))) => {
            let Some(text) = context.routes.get_mut(&name) else {
                let meant = suggestion(nearest(&name, context.routes.keys().map(String::as_str)));
                context.problem(at, format!("`routes` has no `{name}`{meant}"));
                return root();
            };
            text.1 = true;
            text.0.clone()
        }
    };
    template(context, &text)
}

/// Makes the routes known to the connections.
pub(super) fn declare_routes(context: &mut Context<'_>, declared: &Entries<Text>) {
    let routes = declared.0.iter();
    context.routes = routes
        .map(|(name, path)| (name.value.clone(), (path.clone(), false)))
        .collect();
}

/// Looks through the routes that no connection takes: they may be wrong all the same.
pub(super) fn check_unused_routes(context: &mut Context<'_>) {
    context.begin_group();
    for (path, used) in std::mem::take(&mut context.routes).into_values() {
        if !used {
            template(context, &path);
        }
    }
}

fn root() -> Template {
    Template::from_literal(b"/")
}

/// Path and query: what stands in the file is checked here, what is filled in is escaped where it is rendered.
fn template(context: &mut Context<'_>, text: &Text) -> Template {
    let Some(template) = context.template(text) else {
        return root();
    };
    let clean = |part: &Part| match part {
        Part::Literal(bytes) => bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'),
        _ => true,
    };
    let begins = matches!(template.parts().first(), Some(Part::Literal(bytes)) if bytes.starts_with(b"/"));
    if !begins || !template.parts().iter().all(clean) {
        let expected = "a path such as /iot or /ws?room=1, beginning with `/`";
        context.problem(text.at, format!("`{}` is not {expected}", text.value));
    }
    template
}
