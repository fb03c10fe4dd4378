import Refrain

/// The order of very many examples: in a file where it is too long for memory, and the same as in memory.
package struct LongOrder: ExampleOrder {
  private var numbers = LongArray<Int>()

  /// No examples yet.
  package init() {}

  package mutating func begin(_ count: Int) {
    numbers = LongArray()
    for start in stride(from: 0, to: count, by: 1 << 13) {
      numbers.append(contentsOf: start..<min(start + 1 << 13, count))
    }
  }

  package mutating func shuffle(using generator: inout RandomGenerator) { numbers.shuffle(using: &generator) }

  package subscript(places: Range<Int>) -> [Int] { Array(numbers[places]) }

  package mutating func replace(at place: Int, with numbers: [Int]) { self.numbers.replace(at: place, with: numbers) }

  package func check() throws(TrainingError) {
    do throws(DataError) { try numbers.check() } catch { throw TrainingError(.unreadableData, error.description) }
  }
}
