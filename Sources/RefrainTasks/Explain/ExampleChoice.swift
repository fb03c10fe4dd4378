/// Which of many examples are explained.
public enum ExampleChoice: Sendable, Equatable {
  /// The first, at most so many.
  case first(Int)
  /// Those of these numbers, from 1, in this order.
  case numbers([Int])

  /// The places of the examples, from 0.
  ///
  /// - Parameters:
  ///   - count: How many there are.
  ///   - noun: What they are called, such as `row`.
  /// - Throws: ``TaskError`` for a number that is beyond them.
  public func places(of count: Int, called noun: String = "example") throws(TaskError) -> [Int] {
    switch self {
    case .first(let most): return Array(0..<min(most, count))
    case .numbers(let numbers):
      if let beyond = numbers.first(where: { $0 < 1 || $0 > count }) {
        throw TaskError(
          "there is no \(noun) \(beyond)",
          remedy: count == 0 ? "give some" : "there are \(count), numbered from 1")
      }
      return numbers.map { $0 - 1 }
    }
  }
}
