//! An error with all that has led to it, in one line. What kube says of a failed connection by itself, `client error
//! (Connect)`, leaves open whether it was refused, its name not found, or its certificate not trusted.

use std::error::Error;

/// What an error says and what its causes add, each thing once. Of an answer of the API server, its sentence: kube's own
/// text repeats it with all of the answer.
#[must_use]
pub fn cause(error: &(dyn Error + 'static)) -> String {
    let (mut chain, mut next) = (String::new(), Some(error));
    while let Some(error) = next {
        if let Some(kube::Error::Api(answer)) = error.downcast_ref() {
            return answer.message.clone();
        }
        let text = error.to_string();
        if chain.is_empty() {
            chain = text;
        } else if !chain.contains(&text) {
            chain = format!("{chain}: {text}");
        }
        next = error.source();
    }
    chain
}

#[cfg(test)]
mod tests {
    use std::io;

    use kube::core::Status;
    use kube::runtime::watcher;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Connect(#[source] io::Error);

    fn refused() -> kube::Error {
        kube::Error::Service(Box::new(Connect(io::ErrorKind::ConnectionRefused.into())))
    }

    fn forbidden() -> kube::Error {
        let status = Status { code: 403, ..Status::failure("secrets is forbidden", "Forbidden") };
        kube::Error::Api(Box::new(status))
    }

    #[test]
    fn a_connection_that_fails_says_why_and_says_it_once() {
        assert_eq!(cause(&refused()), "ServiceError: client error (Connect): connection refused");
        let watched = cause(&watcher::Error::InitialListFailed(refused()));
        assert!(watched.ends_with("client error (Connect): connection refused"), "{watched}");
    }

    #[test]
    fn an_answer_of_the_api_server_is_its_sentence() {
        assert_eq!(cause(&forbidden()), "secrets is forbidden");
        assert_eq!(cause(&watcher::Error::WatchStartFailed(forbidden())), "secrets is forbidden");
    }
}
