import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Long arrays") struct LongArrayTests {
  @Test(
    "Elements are the same whether they are in memory or in a file, read in whatever order", arguments: [1, 7, 50_000])
  func reading(most: Int) throws {
    let numbers = (0..<40_000).map { Int32($0) * 3 }
    var array = LongArray<Int32>(most: most)
    for number in numbers.prefix(100) { array.append(number) }
    for start in stride(from: 100, to: numbers.count, by: 133) {
      array.append(contentsOf: numbers[start..<min(start + 133, numbers.count)])
    }
    #expect(array.count == numbers.count && array.isInFile == (most < numbers.count))
    for range in [0..<0, 0..<40_000, 5..<6, 20_000..<39_999, 39_990..<40_000, 40_000..<40_000] {
      #expect(array[range].elementsEqual(numbers[range]) && array.nearby(range).elementsEqual(numbers[range]))
    }
    // Forwards, backwards and from end to end.
    for place in [0, 1, 2, 16_383, 16_384, 16_385, 39_999, 3, 30_000, 29_999] {
      #expect(array[place] == numbers[place])
    }
    var parts: [Int32] = []
    array.forEachPart(from: 1) { parts += $0 }
    #expect(parts == Array(numbers.dropFirst()))
    #expect(array == LongArray(numbers) && array != LongArray(Array(numbers.dropLast()) + [0]))
    try array.check()
  }

  @Test("Elements are shuffled and replaced as those of an array are", arguments: [1, 7, 9000, 20_000, 50_000])
  func shuffling(most: Int) throws {
    for count in [0, 1, 2, 8192, 8193, 40_000] {
      var array = LongArray<Int>(most: most)
      for start in stride(from: 0, to: count, by: 500) { array.append(contentsOf: start..<min(start + 500, count)) }
      let before = array
      var (one, other) = (RandomGenerator(seed: 5), RandomGenerator(seed: 5))
      array.shuffle(using: &one)
      var numbers = other.permutation(count)
      #expect(Array(array[0..<count]) == numbers && Array(before[0..<count]) == Array(0..<count))
      #expect(one.next() == other.next())
      // What was read before is read anew, in the file and behind it.
      for start in [0, count / 2, max(0, count - 3)] where start + 3 <= count {
        _ = array[start]
        array.replace(at: start, with: [-1, -2, -3])
        numbers.replaceSubrange(start..<start + 3, with: [-1, -2, -3])
        #expect(array[start] == -1 && Array(array.nearby(start..<start + 3)) == [-1, -2, -3])
      }
      #expect(Array(array[0..<count]) == numbers)
      try array.check()
    }
  }

  @Test("Elements come in an order, those that are equal too, from however many parts", arguments: [1, 7, 900, 5000])
  func sorting(most: Int) throws {
    for count in [0, 1, 6, 7, 8, 2000] {
      var generator = RandomGenerator(seed: 3)
      let numbers = (0..<count).map { _ in Int32.random(in: 0..<600, using: &generator) }
      var array = LongArray<Int32>(most: most)
      for number in numbers { array.append(number) }
      var sorted: [Int32] = []
      try array.forEachSorted(by: >) { sorted.append($0) }
      #expect(sorted == numbers.sorted(by: >) && array.isInFile == (count >= most))
    }
  }

  /// Examples of 0 to 30 steps.
  private struct Texts: ExampleSource {
    let count: Int
    func length(of example: Int) -> Int { example * 7919 % 31 }
    func batch(_ examples: [Int]) -> Batch {
      let numbers = Tensor(examples.map { Float($0) })
      return Batch(numbers, numbers)
    }
  }

  @Test("The order of an epoch in a file is the one in memory", arguments: [1, 100])
  func order(pool: Int) throws {
    func batches(_ order: (any ExampleOrder)?, shuffles: Bool) throws -> [[Float]] {
      let source = Texts(count: 5000)
      var batches =
        order.map {
          LengthBatches(source, size: 16, maximumSteps: 300, pool: pool, seed: 3, shuffles: shuffles, order: $0)
        } ?? LengthBatches(source, size: 16, maximumSteps: 300, pool: pool, seed: 3, shuffles: shuffles)
      var result: [[Float]] = []
      for (epoch, position) in [(0, 0), (1, 0), (0, 7)] {
        try batches.begin(epoch: epoch, at: position)
        while let batch = try batches.next() { result.append(batch.input.values) }
      }
      return result
    }
    for shuffles in [true, false] {
      let expected = try batches(nil, shuffles: shuffles)
      for bytes in [8, 1000, 1 << 20] {
        var settings = LongArraySettings()
        settings.bytes = bytes
        let found = try LongArraySettings.$current.withValue(settings) { try batches(LongOrder(), shuffles: shuffles) }
        #expect(found == expected)
      }
    }
    var settings = LongArraySettings()
    (settings.bytes, settings.folder) = (8, "/nowhere")
    #expect(throws: TrainingError.self) {
      try LongArraySettings.$current.withValue(settings) { try batches(LongOrder(), shuffles: true) }
    }
  }

  @Test("The first numbers of a permutation are drawn without the others")
  func prefix() {
    for (prefix, count) in [(0, 0), (0, 5), (1, 1), (3, 5), (5, 5), (40, 1000), (1000, 1000)] {
      var (one, other) = (RandomGenerator(seed: 2), RandomGenerator(seed: 2))
      #expect(one.permutation(prefix: prefix, of: count) == Array(other.permutation(count).prefix(prefix)))
      #expect(one.next() == other.next())
    }
  }

  @Test("Of two copies each goes on in its own file")
  func copies() throws {
    var one = LongArray<Int>(most: 2)
    one.append(contentsOf: 0..<9000)
    var other = one
    one.append(contentsOf: Array(repeating: 1, count: 9000))
    other.append(contentsOf: Array(repeating: 2, count: 9000))
    #expect(Array(one[8990..<9010]) == Array(8990..<9000) + Array(repeating: 1, count: 10))
    #expect(Array(other[8990..<9010]) == Array(8990..<9000) + Array(repeating: 2, count: 10))
    try one.check()
    try other.check()
  }

  @Test("Ends that are asked for in order are read a part of the file at a time")
  func readingAhead() throws {
    var ends = LongArray<Int>(most: 10)
    ends.append(contentsOf: (1...40_000).map { 3 * $0 })
    for part in 0..<39_000 { #expect(ends.step(to: part) == 3 * part..<3 * part + 3) }
    // The first of all, then a part of 8,192 at a time.
    #expect(ends.readCount < 10)
    for part in [5, 30_000, 70, 20_000, 9] { #expect(ends.step(to: part) == 3 * part..<3 * part + 3) }
  }

  @Test("Many arrays share what a few may hold in memory")
  func sharing() {
    var settings = LongArraySettings()
    settings.bytes = 1 << 24
    #expect([1, 4, 8, 400].map { settings.shared(by: $0).bytes } == [1 << 24, 1 << 24, 1 << 23, (1 << 24) / 400 * 4])
    #expect(settings.shared(by: 1_000_000).bytes == 1 << 16)
    settings.bytes = 40
    #expect(settings.shared(by: 400).bytes == 40)
  }

  @Test("Where there can be no file the elements are zeros, and that is told")
  func failure() {
    var settings = LongArraySettings()
    (settings.bytes, settings.folder) = (40, "/nowhere")
    LongArraySettings.$current.withValue(settings) {
      var array = LongArray<Int>()
      array.append(contentsOf: 1...4)
      #expect(array.count == 4 && array[2] == 3 && dataError(array.check) == nil)
      array.append(contentsOf: 5...2000)
      #expect(
        array.count == 2000 && array[2] == 0 && Array(array[7..<9]) == [0, 0] && Array(array.nearby(1..<2)) == [0])
      let error = dataError(array.check)
      #expect(error?.code == .unwritableFile && error?.file == "/nowhere")
      #expect(error?.description.contains("name another folder in the environment's TMPDIR") == true)
      // Whoever reads records is told so too.
      let table = "text,label\n" + String(repeating: "a b,x\nc d,y\n", count: 50)
      let refused = dataError { () throws(DataError) in
        try Records(DataSource([.bytes(Array(table.utf8), name: "t.csv")]))
      }
      #expect(refused?.code == .unwritableFile)
    }
  }

  @Test("Token sequences in a file are those in memory")
  func sequences() throws {
    var (long, short) = (TokenSequences(most: 5), TokenSequences())
    for text in 0..<6000 {
      let tokens = (0..<text % 7).map { $0 + text }
      long.append(tokens)
      short.append(tokens)
    }
    #expect(long.areInFile && !short.areInFile && long == short && long.length(of: 6) == 6)
    for text in [5999, 0, 3, 2500, 1] { #expect(Array(long[text]) == Array(short[text])) }
    #expect(long.selecting([4, 2, 5000]) == short.selecting([4, 2, 5000]))
    try long.check()
  }
}
