import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import ImageRows

@Suite("The example ImageRows") struct ImageRowsTests {
  @Test("tells images apart whose rows show a stroke to the left or to the right")
  func strokes() throws {
    var generator = RandomGenerator(seed: 1)
    func pictures(_ count: Int) -> (x: Tensor, y: Tensor) {
      let sides = (0..<count).map { _ in generator.integer(below: 2) }
      var values: [Float] = []
      for side in sides {
        for row in 0..<6 {
          let stroke = side == 0 ? row : 5 - row
          for column in 0..<6 { values.append((column == stroke ? 1 : 0) + 0.2 * generator.uniform()) }
        }
      }
      return (Tensor(values, shape: [count, 6, 6]), Tensor(sides))
    }
    let (history, test) = try imageRows(pictures(256), pictures(64), epochs: 8, hidden: 16, batchSize: 8)
    #expect(history.losses.last! < 0.5 * history.losses[0])
    #expect(test.metrics["accuracy"]! > 0.95)
  }

  @Test("reads images and labels, by rows or by pixels, and refuses what does not belong together")
  func reading() throws {
    try withTemporaryFolder { folder in
      let (images, labels) = ("\(folder)/images", "\(folder)/labels")
      try writeAtomically([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 0], to: images)
      try writeAtomically([0, 0, 8, 1, 0, 0, 0, 2, 7, 3], to: labels)
      let rows = try sequences(images: images, labels: labels, byPixels: false)
      #expect(rows.x.shape == [2, 1, 2] && rows.x.values == [0, 1, 0.2, 0] && rows.y.values == [7, 3])
      #expect(try sequences(images: images, labels: labels, byPixels: true).x.shape == [2, 2, 1])
      #expect(throws: DataError.self) { try sequences(images: labels, labels: labels, byPixels: false) }
    }
  }
}
