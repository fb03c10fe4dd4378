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
