//! Verification of a token, after its row was read.

use divan::{Bencher, black_box};
use scimd::access::token::{TokenKind, fits, fresh, parse};
use secrecy::ExposeSecret;

#[divan::bench]
fn parse_digest_compare(bencher: Bencher) {
    let token = fresh(TokenKind::Tenant).unwrap();
    let text = token.text.expose_secret().to_owned();
    bencher.bench(|| {
        let (_, secret) = parse(TokenKind::Tenant, black_box(&text)).unwrap();
        fits(&secret, &token.digest)
    });
}
