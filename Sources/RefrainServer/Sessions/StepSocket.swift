import RefrainData

extension Service {
  /// Steps in, outputs out, over a WebSocket: each message is a push of its own.
  func openSocket(_ call: Call, _ names: [String: String]) async throws -> Answer {
    let handshake = try WebSocketHandshake(call)
    let seesGates = try Self.flag(call, "gates")
    guard !isDraining else { throw Failure(503, "the server is about to end", retryAfter: 1) }
    let id = names["id"] ?? ""
    // Whether it is there; one on disk is brought back.
    let owner = call.owner
    try await sessions.use(id, for: owner) { _ in }
    return Answer(handshake) { message in await self.answer(message, of: id, for: owner, seesGates: seesGates) }
  }

  /// The answer to a message. What is wrong with one is said in it, and the next is taken all the same.
  private func answer(
    _ message: WebSocketMessage, of id: String, for owner: String?, seesGates: Bool
  ) async -> WebSocketReply {
    let began = Session.now
    let body = message.isText ? PendingSteps.step(message.bytes[...]) : message.bytes
    var reply: WebSocketReply
    var failure: Failure?
    do {
      reply = WebSocketReply(
        content: try await push(
          body, type: message.isText ? MediaType.json : MediaType.bytes, to: id, for: owner,
          wantsBytes: !message.isText, seesGates: seesGates))
    } catch {
      let known = Failure(throwing: error)
      if known.status == 500 {
        logger.error("a message failed", metadata: ["session": "\(id)", "error": "\(error)"])
      }
      let json: JSON = ["error": .text(known.message), "status": .integer(known.status)]
      reply = WebSocketReply(content: .text(json.line))
      if known.status == 404 {
        reply.closing = WebSocketClosing(
          cause: .server, code: WebSocketClosing.noSession, reason: "the session is not there any more")
      }
      failure = known
    }
    meters.messaged(seconds: Double(Session.now &- began) / 1e9, isRefused: failure != nil)
    return reply
  }
}
