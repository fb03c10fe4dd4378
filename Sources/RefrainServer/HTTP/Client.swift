import NIOCore
import NIOHTTPTypes
import Synchronization

/// Who waits for an answer. What is computed for a client that has left is given up.
final class Client: Sendable {
  /// Whoever the request being answered came from.
  @TaskLocal static var current: Client?

  private let left = Atomic(false)

  /// Whether it has closed its side of the connection.
  var hasLeft: Bool { left.load(ordering: .relaxed) }
  func leave() { left.store(true, ordering: .relaxed) }

  /// The client at the other end of a connection, where a ``ClientWatch`` looks after it.
  static func at(_ channel: any Channel) -> Client? {
    guard channel.eventLoop.inEventLoop else { return nil }
    return try? channel.pipeline.syncOperations.handler(type: ClientWatch.self).client
  }
}

/// Notes when a client closes its side of the connection, which nobody would hear of before the answer is written.
final class ClientWatch: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart

  let client = Client()

  func handlerAdded(context: ChannelHandlerContext) { OldVersion.watch(context) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { client.leave() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    client.leave()
    context.fireChannelInactive()
  }
}
