import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Answers a client of HTTP/1.0 as it expects: without chunks, which it does not know, and with the end of the
/// connection as the end of the answer. It stands where parts still have their version.
final class OldVersion: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private var isOld = false

  /// Puts one into a connection that is being set up.
  static func watch(_ context: ChannelHandlerContext) {
    let pipeline = context.pipeline.syncOperations
    guard let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) else { return }
    try? pipeline.addHandler(OldVersion(), position: .before(codec))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head(let head) = unwrapInboundIn(data) { isOld = head.version.major == 1 && head.version.minor == 0 }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard isOld else { return context.write(data, promise: promise) }
    switch unwrapOutboundIn(data) {
    case .head(var head) where head.status.code >= 200:
      head.version = .http1_0
      head.headers.remove(name: "Transfer-Encoding")
      head.headers.replaceOrAdd(name: "Connection", value: "close")
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .end:
      // Written in any case: what comes after it is not.
      let done = promise ?? context.eventLoop.makePromise()
      let channel = context.channel
      done.futureResult.whenComplete { _ in channel.close(promise: nil) }
      context.writeAndFlush(data, promise: done)
    case .head, .body: context.write(data, promise: promise)
    }
  }
}
