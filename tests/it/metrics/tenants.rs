//! Seats and tokens of tenants in the metrics.

use super::scrape;
use crate::harness::{Server, user};
use crate::on_both;
use scimd::metrics::ShownTenants;
use scimd::store::{Status, TenantChange, TokenScope};

on_both!(
    tenants_that_need_attention_have_series,
    all_tenants_or_none_can_have_series
);

const DAY: i64 = 86_400;

async fn tenants(server: &Server) {
    let limited = TenantChange {
        seats: Some(Some(3)),
        ..TenantChange::default()
    };
    let token = server.tenant("limited", &limited).await;
    for name in ["ada", "grace"] {
        server
            .by(&token)
            .post("/Users", user(name))
            .await
            .expect(201);
    }
    server.tenant("quiet", &TenantChange::default()).await;
    server.tenant("ending", &TenantChange::default()).await;
    for (name, days) in [("late", 40), ("soon", 7), ("sooner", 5)] {
        let ends = Some(days * DAY);
        let scope = TokenScope::ReadWrite;
        server
            .operator
            .issue_token("ending", name, scope, ends)
            .await
            .unwrap();
    }
}

async fn tenants_that_need_attention_have_series(server: Server) {
    tenants(&server).await;
    let before = server.clock.now();
    server
        .operator
        .measure_tenants(ShownTenants::Attention)
        .await
        .unwrap();
    let page = scrape(&server);
    let of = |name: &str, tenant| page.sum(&format!("scimd_tenant_{name}"), &[("tenant", tenant)]);
    assert_eq!(of("seats_used", "limited"), 2.0);
    assert_eq!(of("seats", "limited"), 3.0);
    let seconds = |days: i64| (before.plus_seconds(days * DAY).as_micros() / 1_000_000) as f64;
    let end = of("token_end_timestamp_seconds", "ending");
    assert!(end > seconds(4) && end <= seconds(5), "{end}");
    assert!(!page.text.contains("tenant=\"quiet\""), "{}", page.text);
    // A tenant without a limit has no limit in the metrics.
    assert_eq!(of("seats", "ending"), 0.0);

    // All tenants are new: three from this test, and the default tenant.
    let health = |health| page.sum("scimd_tenants", &[("health", health)]);
    assert_eq!(page.sum("scimd_tenants", &[]), 4.0);
    assert_eq!(health("failing") + health("suspended"), 0.0);

    // Series of tenants that need no attention any more are removed.
    let mut tokens = server.operator.ending_tokens(Some("ending"), 30);
    while let Some(token) = tokens.next().await.unwrap() {
        server.operator.revoke_token(&token.id).await.unwrap();
    }
    server
        .operator
        .measure_tenants(ShownTenants::Attention)
        .await
        .unwrap();
    assert!(!scrape(&server).text.contains("tenant=\"ending\""));
}

async fn all_tenants_or_none_can_have_series(server: Server) {
    tenants(&server).await;
    server
        .operator
        .measure_tenants(ShownTenants::All)
        .await
        .unwrap();
    let page = scrape(&server);
    let suspended = TenantChange {
        status: Some(Status::Suspended),
        ..TenantChange::default()
    };
    server.change_tenant("quiet", &suspended).await;
    server
        .operator
        .measure_tenants(ShownTenants::Off)
        .await
        .unwrap();
    let none = scrape(&server);
    assert!(
        !none.text.contains("{tenant=") && none.text.contains("scimd_tenant_seats "),
        "{}",
        none.text
    );
    assert_eq!(none.sum("scimd_tenants", &[("health", "suspended")]), 1.0);
    for tenant in ["default", "limited", "quiet", "ending"] {
        let series = format!("scimd_tenant_seats_used{{tenant=\"{tenant}\"}} ");
        assert_eq!(page.text.matches(&series).count(), 1, "{tenant}");
    }
}
