// The Swift of Guides/Frames.md, so that it compiles and does what the text says.
import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import MovingDigits

@Suite("The code of the guide to frames runs")
struct FramesGuideTests {
  /// A bar that goes down, in colors.
  private func bar(_ start: Int) -> Clip {
    var values: [UInt8] = []
    for frame in 0..<12 {
      for place in 0..<64 { values += [(place / 8 - frame - start) % 8 == 0 ? 255 : 0, 20, 40] }
    }
    return Clip(values: values, rows: 8, columns: 8, channels: 3, rate: 10)
  }

  @Test("the next frames") func foresee() throws {
    try withTemporaryFolder { folder in
      for start in 0..<8 { try writeAtomically(bar(start).gif(), to: folder + "/\(start).gif") }
      let (clip, file) = (bar(3), folder + "/next.gif")
      var configuration = FrameConfiguration()
      configuration.context = 6
      configuration.horizon = 4
      configuration.epochs = 10
      let clips = try FramePredictor.examples(from: DataSource(paths: [folder]), configuration)
      let predictor = try FramePredictor.train(on: clips, configuration, TrainingContext())
      let next = predictor.next(4, after: clip)
      try writeAtomically(next.gif(), to: file)
      #expect(next.count == 4 && next.channels == 3)
    }
  }

  @Test("frames of a file, and layers over them") func layers() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.gif"
      try writeAtomically(bar(0).gif(), to: path)
      let clip = try Clip(contentsOf: path, as: FrameFormat(rows: 32, columns: 32, isGray: true))
      let frames = clip.tensor  // [T, 32, 32, 1], from 0 to 1
      let model = Sequential(exampleShape: [nil, 32, 32, 1]) {  // sequences of images [B, T, rows, columns, C]
        Conv2D(8, kernel: [3, 3], activation: .relu)
        Pooling2D(.maximum, size: [2, 2])
        ConvLSTM(8, kernel: [3, 3])
        GlobalPooling2D(.average)
        Dense(3)
      }
      #expect(model(stack([frames, frames], axis: 0)).shape == [2, 3])
    }
  }

  @Test("digits bounce within the frame, or go straight on as their table says") func movingDigits() throws {
    // Two images: one bright place at the upper left, and all.
    let images = try IDXArray(
      [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2] + [200, 0, 0, 0] + [255, 255, 255, 255])
    let labels = try IDXArray([0, 0, 8, 1, 0, 0, 0, 2, 7, 3])
    var bouncing = try MovingDigits(images: images, side: 10, frames: 30, seed: 1)
    let clip = bouncing.bouncing(digits: 1)
    let bright = (0..<30).map { frame in clip.frame(frame).reduce(0) { $0 + Int($1) } }
    #expect(Set(bright).count == 1 && [200, 1020].contains(bright[0]))
    var crossing = try MovingDigits(images: images, labels: labels, side: 16, frames: 4, seed: 1)
    for _ in 0..<50 {
      let (clip, digit, direction, speed) = crossing.crossing()
      func place(_ frame: Int) -> (row: Int, column: Int) {
        let first = Array(clip.frame(frame)).firstIndex { $0 > 0 } ?? -1
        return (first / 16, first % 16)
      }
      let (start, end) = (place(0), place(3))
      let way = try #require(MovingDigits.directions.first { $0.name == direction })
      let places = try #require(MovingDigits.speeds.first { $0.name == speed }).places
      #expect(end.row - start.row == 3 * places * way.rows && end.column - start.column == 3 * places * way.columns)
      #expect(digit == (clip.values.max() == 200 ? 7 : 3))
    }
    #expect(throws: DataError.self) { try MovingDigits(images: labels, seed: 1) }
  }
}
