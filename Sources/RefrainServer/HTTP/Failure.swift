import RefrainData
import RefrainTasks

/// Why a request is not answered as it asked: a status, and a line for whoever sent it.
struct Failure: Error, Sendable, CustomStringConvertible {
  /// The status.
  let status: Int
  /// What is wrong, and what to do.
  var message: String
  /// After how many seconds it is worth another try.
  var retryAfter: Int?
  /// Whether the rest of the body is not wanted.
  var closes = false

  init(_ status: Int, _ message: String, retryAfter: Int? = nil, closes: Bool = false) {
    (self.status, self.message, self.retryAfter, self.closes) = (status, message, retryAfter, closes)
  }

  var description: String { "\(status): \(message)" }

  /// What is wrong with data that a request brought.
  init(_ error: DataError) {
    // The flags and files of a command mean nothing here.
    let isLarge = error.code == .overMemoryBudget
    self.init(
      isLarge ? 413 : 400, isLarge ? "\(error.problem); send less at once" : error.description.onOneLine)
  }

  /// What is wrong with what was thrown by the library.
  init(throwing error: any Error) {
    switch error {
    case let error as Failure: self = error
    case let error as DataError: self.init(error)
    case let error as any InputError: self.init(400, error.description.onOneLine)
    case let error as OptionError: self.init(400, "the option \(error.description.onOneLine)")
    case is CancellationError: self.init(499, "the client has gone")
    default: self.init(500, "the request could not be answered, which is the server's fault")
    }
  }

  /// The answer: `{"error": …}`, as the Open Inference Protocol has it.
  var answer: Answer {
    let json: JSON = ["error": .text(message)]
    var answer = Answer(status: status, json.line + "\n", type: MediaType.json)
    if let retryAfter { answer.headers[.retryAfter] = String(retryAfter) }
    if status == 401 { answer.headers[.wwwAuthenticate] = "Bearer" }
    if status == 426 {
      (answer.headers[.upgrade], answer.headers[.connection]) = ("websocket", "Upgrade")
      answer.headers[.secWebSocketVersion] = "13"
    }
    if closes { answer.headers[.connection] = "close" }
    answer.closes = closes
    return answer
  }
}
