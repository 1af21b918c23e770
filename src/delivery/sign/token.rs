//! Signatures of security event tokens: JWS in compact form (RFC 7515), and the public keys as JWK (RFC 7517).

use super::SignError;
use crate::keyword::keywords;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

keywords! {
    /// Algorithms of signatures (RFC 7518, RFC 8037).
    TokenAlgorithm {
        /// ECDSA on P-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
        /// RSA with 2048 bits, required by CAEP interoperability.
        Rs256 = "RS256",
    }
}

/// Offset and length of the modulus in an RSA public key with 2048 bits (RFC 8017, A.1.1).
const MODULUS: (usize, usize) = (9, 256);

/// The public exponent of RSA: 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A key that signs tokens.
#[derive(Debug)]
pub(crate) struct TokenKey {
    pair: Pair,
    jwk: Value,
    id: String,
}

#[derive(Debug)]
enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

impl TokenKey {
    /// A new private key in PKCS #8, to be sealed.
    ///
    /// # Errors
    /// [`SignError::Key`] if none can be generated.
    pub(crate) fn generate(algorithm: TokenAlgorithm) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        let made = match algorithm {
            TokenAlgorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map(|document| document.as_ref().to_vec())
            }
            TokenAlgorithm::EdDsa => {
                Ed25519KeyPair::generate_pkcs8(&random).map(|document| document.as_ref().to_vec())
            }
            TokenAlgorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).and_then(|pair| {
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                Ok(der.as_ref().to_vec())
            }),
        };
        made.map_err(|_| SignError::Key)
    }

    /// Parses a private key.
    ///
    /// # Errors
    /// [`SignError::Key`].
    pub(crate) fn read(algorithm: TokenAlgorithm, private: &[u8]) -> Result<Self, SignError> {
        let pair = match algorithm {
            TokenAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private).map(Pair::Es256)
            }
            TokenAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(private).map(Pair::EdDsa),
            TokenAlgorithm::Rs256 => {
                RsaKeyPair::from_pkcs8(private).map(|pair| Pair::Rs256(Box::new(pair)))
            }
        };
        let pair = pair.map_err(|_| SignError::Key)?;
        let members = pair.members().ok_or(SignError::Key)?;
        // The thumbprint is over the required members in the order of their names (RFC 7638).
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(members.to_string()));
        let mut jwk = members;
        jwk["kid"] = id.as_str().into();
        jwk["alg"] = algorithm.as_str().into();
        jwk["use"] = "sig".into();
        Ok(Self { pair, jwk, id })
    }

    /// The public key.
    pub(crate) fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// Id of the key: its thumbprint (RFC 7638).
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The token of claims, of a media type without `application/`.
    ///
    /// # Errors
    /// [`SignError::Signature`].
    pub(crate) fn sign(&self, media_type: &str, claims: &Value) -> Result<String, SignError> {
        let header = json!({"typ": media_type, "alg": self.jwk["alg"], "kid": self.id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut token = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.pair.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl Pair {
    /// The required members of a public key, in the order of their names (RFC 7518 section 6, RFC 8037).
    fn members(&self) -> Option<Value> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Some(match self {
            Self::Es256(pair) => {
                // An uncompressed point: 4, x, y.
                let point = pair.public_key().as_ref().strip_prefix(&[4])?;
                let (x, y) = point.split_at_checked(32)?;
                json!({"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)})
            }
            Self::EdDsa(pair) => {
                json!({"crv": "Ed25519", "kty": "OKP", "x": encode(pair.public_key().as_ref())})
            }
            Self::Rs256(pair) => {
                let (start, length) = MODULUS;
                let modulus = pair
                    .public_key()
                    .as_ref()
                    .get(start..start + length)
                    .filter(|modulus| modulus.first() != Some(&0))?;
                json!({"e": encode(&EXPONENT), "kty": "RSA", "n": encode(modulus)})
            }
        })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
        }
        .map_err(|_| SignError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rsa::PublicKeyComponents;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    };

    fn decoded(text: &Value) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
    }

    /// Verifies with the published public key only.
    fn is_valid(jwk: &Value, token: &str) -> bool {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let (signed, signature) = (signed.as_bytes(), signature.as_slice());
        match jwk["kty"].as_str().unwrap() {
            "EC" => {
                let point = [vec![4], decoded(&jwk["x"]), decoded(&jwk["y"])].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            "OKP" => UnparsedPublicKey::new(&ED25519, decoded(&jwk["x"])).verify(signed, signature),
            _ => PublicKeyComponents {
                n: decoded(&jwk["n"]),
                e: decoded(&jwk["e"]),
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature),
        }
        .is_ok()
    }

    #[test]
    fn each_algorithm_signs_and_publishes_its_key() {
        for name in TokenAlgorithm::KEYWORDS {
            let algorithm = TokenAlgorithm::from_keyword(name).unwrap();
            let private = TokenKey::generate(algorithm).unwrap();
            let key = TokenKey::read(algorithm, &private).unwrap();
            let again = TokenKey::read(algorithm, &private).unwrap();
            assert_eq!(key.id(), again.id());
            let token = key.sign("secevent+jwt", &json!({"a": 1})).unwrap();
            assert!(is_valid(key.jwk(), &token), "{name}");
            let other = token.replacen("eyJ", "eyK", 1);
            assert!(!is_valid(key.jwk(), &other), "{name}");
            let header = URL_SAFE_NO_PAD
                .decode(token.split('.').next().unwrap())
                .unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(
                header,
                json!({"typ": "secevent+jwt", "alg": name, "kid": key.id()})
            );
            assert!(TokenKey::read(algorithm, b"no key").is_err());
        }
    }

    /// The example of RFC 8037, A.1 and A.3.
    #[test]
    fn the_id_of_a_key_is_its_thumbprint() {
        let seed = URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let private = pair.to_pkcs8().unwrap();
        let key = TokenKey::read(TokenAlgorithm::EdDsa, private.as_ref()).unwrap();
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(
            key.jwk()["x"],
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
    }
}
