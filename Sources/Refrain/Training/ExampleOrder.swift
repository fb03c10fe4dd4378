/// The order in which an epoch takes its examples: their numbers, in memory, or where they are too many in a file.
package protocol ExampleOrder {
  /// Begins with the numbers `0 ..< count` as they stand.
  mutating func begin(_ count: Int)
  /// Brings the numbers into the order that ``RandomGenerator/permutation(_:)`` would draw.
  mutating func shuffle(using generator: inout RandomGenerator)
  /// The numbers at some places.
  subscript(places: Range<Int>) -> [Int] { get }
  /// Puts others in the place of as many numbers.
  mutating func replace(at place: Int, with numbers: [Int])
  /// Makes sure that all numbers could be kept, and read as far as they were asked for.
  func check() throws(TrainingError)
}

/// An order in memory, eight bytes an example.
struct OrderInMemory: ExampleOrder {
  private var numbers: [Int] = []

  mutating func begin(_ count: Int) { numbers = Array(0..<count) }
  mutating func shuffle(using generator: inout RandomGenerator) { numbers.shuffle(using: &generator) }
  subscript(places: Range<Int>) -> [Int] { Array(numbers[places]) }
  mutating func replace(at place: Int, with numbers: [Int]) {
    self.numbers.replaceSubrange(place..<place + numbers.count, with: numbers)
  }
  func check() {}
}
