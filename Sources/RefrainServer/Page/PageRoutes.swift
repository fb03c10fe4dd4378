import HTTPTypes
import RefrainData

extension Service {
  /// The page, and what it and programs read.
  var pageRoutes: [Route] {
    [
      Route(
        method: "GET", path: "/", name: "page", summary: "A page to try the models on.", tag: "Server",
        gives: [Route.Content(type: "text/html")], isOpen: true
      ) { _, _, _ in
        var answer = Answer(Page.html, type: MediaType.html)
        answer.headers[.contentSecurityPolicy] =
          "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
          + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return answer
      },
      Route(
        method: "GET", path: "/openapi.json", name: "openapi", summary: "This description.", tag: "Server",
        gives: [Route.Content(type: MediaType.json)], isOpen: true
      ) { _, _, _ in
        Answer(OpenAPI(self.table, hasTokens: !self.settings.tokens.isEmpty).json.text() + "\n", type: MediaType.json)
      },
      Route(
        method: "GET", path: "/models", name: "listModels",
        summary: "The models: what they are, what goes in and comes out, what may be asked of them.", tag: "Server",
        gives: [Route.Content(type: MediaType.json, schema: "ModelList")]
      ) { _, _, _ in
        let json: JSON = ["models": .array(self.shelf.models.map(\.description))]
        return Answer(json.line + "\n", type: MediaType.json)
      },
      Route(
        method: "GET", path: "/metrics", name: "metrics", summary: "Counts and times, as Prometheus reads them.",
        tag: "Server", gives: [Route.Content(type: "text/plain")], isUrgent: true
      ) { _, _, _ in
        let (counts, load) = (self.sessions.counts, self.pool.load)
        return Answer(
          self.meters.text([
            (
              "refrain_sessions", "Sessions in memory and on disk.",
              [("state=\"live\"", Double(counts.live)), ("state=\"stored\"", Double(counts.stored))]
            ),
            ("refrain_computations_running", "Computations that run.", [("", Double(load.running))]),
            ("refrain_computations_waiting", "Computations that wait.", [("", Double(load.waiting))]),
            ("refrain_models", "Models served.", [("", Double(self.shelf.models.count))]),
            (
              "refrain_models_retired", "Models whose files have changed and that sessions go on with.",
              [("", Double(self.shelf.retiredCount))]
            ),
            (
              "refrain_models_asleep", "Models whose files have changed and that sessions on disk alone may need.",
              [("", Double(self.shelf.asleepCount))]
            ),
            (
              "refrain_model_info", "Which file of a model is served.",
              self.shelf.models.map { ("model=\"\($0.name)\",fingerprint=\"\($0.fingerprint)\"", 1) }
            ),
          ]), type: MediaType.metrics)
      },
    ]
  }
}
