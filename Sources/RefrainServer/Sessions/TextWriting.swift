import HTTPTypes
import RefrainData
import RefrainTasks

extension Service {
  /// What `refrain predict` may be asked of a language model, but what means nothing in the middle of a text.
  private static let notWriting: Set<String> = ["prompt", "samples", "probabilities"]

  /// What may be asked of a text that is gone on with.
  static var writing: [Route.Parameter] {
    LanguageRequest.options.filter { !notWriting.contains($0.name) }
      .map { Route.Parameter(name: $0.name, summary: $0.help) }
  }

  /// Goes on with a text: an event `text` for each piece and one `end`, or all at once.
  func generate(_ call: Call, _ names: [String: String], _ body: [UInt8]) async throws -> Answer {
    let asked = try await reading(body) { () throws(Failure) in
      guard [MediaType.json, ""].contains(call.contentType) else {
        throw Failure(415, "a body of the type \(call.contentType.quoted) is not read here; send application/json")
      }
      return try TaskRequestBody(call, body)
    }
    guard asked.data == nil, asked.arrays.isEmpty else {
      throw Failure(400, "what is gone on from is the session; push a text to it first, and send options alone")
    }
    if let name = asked.options.keys.sorted().first(where: { name in !Self.writing.contains { $0.name == name } }) {
      throw Failure(
        400, "there is no option \(name.quoted) here, only \(Self.writing.map(\.name).joined(separator: ", "))")
    }
    let (id, owner, sessions) = (names["id"] ?? "", call.owner, sessions)
    let request = try await sessions.use(id, for: owner) { session in
      guard session.live is TextStreams, let task = session.model.task else {
        throw Failure(400, "a session of the kind \(session.live.kind.quoted) writes no text")
      }
      return try LanguageRequest(task.checked(asked.options))
    }
    /// Writes, and returns what there is to say at the end. Each piece comes with when the writing began: others may
    /// have been waited for before.
    @Sendable func write(
      _ each: (String, _ began: UInt64) async throws -> Void
    ) async throws -> (tokens: Int, steps: Int) {
      try await sessions.use(id, for: owner) { session in
        let began = Session.now
        let count = try await (session.live as? TextStreams)?.write(session.box, request) { piece in
          // One that was closed meanwhile is not gone on with.
          if session.isGone { throw CancellationError() }
          try await each(piece, began)
        }
        return (count ?? 0, session.box.steps)
      }
    }
    guard call.accepted(among: [MediaType.events, MediaType.json]) == MediaType.events else {
      var text = ""
      let limit = settings.computingTime
      let (tokens, steps) = try await write { piece, began in
        text += piece
        guard Double(Session.now &- began) < limit * 1e9 else {
          throw Failure(
            503,
            "the text was ended after \(Int(limit)) seconds, the most that one may take, and is a part of the session; "
              + "ask for less at once, or for text/event-stream")
        }
      }
      let json: JSON = ["steps": .integer(steps), "tokens": .integer(tokens), "text": .text(text)]
      return Answer(json.line + "\n", type: MediaType.json)
    }
    return Answer(type: MediaType.events) { writer in
      do {
        let (tokens, steps) = try await write { piece, _ in
          guard !piece.isEmpty else { return }
          let json: JSON = ["text": .text(piece)]
          try await writer.write("event: text\ndata: \(json.line)\n\n")
        }
        let json: JSON = ["steps": .integer(steps), "tokens": .integer(tokens)]
        try await writer.write("event: end\ndata: \(json.line)\n\n")
      } catch let failure as Failure {
        // The head has gone.
        let json: JSON = ["error": .text(failure.message)]
        try await writer.write("event: error\ndata: \(json.line)\n\n")
      }
    }
  }
}
