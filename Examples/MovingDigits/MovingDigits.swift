import Foundation
import Refrain
import RefrainData

/// Clips of digits that move over a black ground, made of the images of an IDX file such as MNIST's.
struct MovingDigits {
  let images: IDXArray
  let labels: IDXArray?
  /// The rows and columns of a frame.
  let side: Int
  /// The frames of a clip.
  let frames: Int
  private var generator: RandomGenerator

  /// - Throws: `wrongInput` where images and labels do not belong together, or do not fit into a frame.
  init(images: IDXArray, labels: IDXArray? = nil, side: Int = 64, frames: Int = 20, seed: UInt64) throws(DataError) {
    guard images.shape.count == 3, images.shape[0] > 0, max(images.shape[1], images.shape[2]) < side else {
      throw DataError(.wrongInput, "an array of shape \(images.shape) holds no images below \(side) × \(side)")
    }
    guard labels.map({ $0.shape == [images.shape[0]] }) ?? true else {
      throw DataError(.wrongInput, "there is not one label for each image")
    }
    (self.images, self.labels, self.side, self.frames) = (images, labels, side, frames)
    generator = RandomGenerator(seed: seed)
  }

  /// A clip of digits that bounce off the borders, as Srivastava et al. (2015) made them: each goes straight on by a
  /// tenth of the way that is free to it a frame, in any direction.
  mutating func bouncing(digits: Int = 2) -> Clip {
    var values = [UInt8](repeating: 0, count: frames * side * side)
    for _ in 0..<digits {
      let image = generator.integer(below: images.shape[0])
      let room = (Double(side - images.shape[1]), Double(side - images.shape[2]))
      var place = (Double(generator.uniform()) * room.0, Double(generator.uniform()) * room.1)
      let angle = 2 * Double.pi * Double(generator.uniform())
      var speed = (0.1 * room.0 * sin(angle), 0.1 * room.1 * cos(angle))
      for frame in 0..<frames {
        draw(image, at: (Int(place.0.rounded()), Int(place.1.rounded())), in: frame, of: &values)
        (place.0, speed.0) = Self.moved(place.0, speed.0, room.0)
        (place.1, speed.1) = Self.moved(place.1, speed.1, room.1)
      }
    }
    return Clip(values: values, rows: side, columns: side, channels: 1, rate: 10)
  }

  private static func moved(_ place: Double, _ speed: Double, _ room: Double) -> (Double, Double) {
    let next = place + speed
    if next < 0 { return (-next, -speed) }
    if next > room { return (2 * room - next, -speed) }
    return (next, speed)
  }

  /// The directions of ``crossing()``, in rows and columns.
  static let directions: [(name: String, rows: Int, columns: Int)] = [
    ("north", -1, 0), ("north-east", -1, 1), ("east", 0, 1), ("south-east", 1, 1), ("south", 1, 0),
    ("south-west", 1, -1), ("west", 0, -1), ("north-west", -1, -1),
  ]
  /// The speeds of ``crossing()``, in places a frame along each axis.
  static let speeds: [(name: String, places: Int)] = [("slow", 1), ("middling", 2), ("fast", 3)]

  /// A clip of one digit that goes straight on in one of eight directions at one of three speeds and stays within the
  /// frame, and what it is.
  mutating func crossing() -> (clip: Clip, digit: Int, direction: String, speed: String) {
    let image = generator.integer(below: images.shape[0])
    let direction = Self.directions[generator.integer(below: Self.directions.count)]
    let speed = Self.speeds[generator.integer(below: Self.speeds.count)]
    let way = speed.places * (frames - 1)
    func start(_ step: Int, _ size: Int) -> Int {
      let room = side - size
      let free = max(1, room - (step == 0 ? 0 : way) + 1)
      return generator.integer(below: free) + (step < 0 ? min(way, room) : 0)
    }
    let place = (start(direction.rows, images.shape[1]), start(direction.columns, images.shape[2]))
    var values = [UInt8](repeating: 0, count: frames * side * side)
    for frame in 0..<frames {
      let gone = frame * speed.places
      draw(image, at: (place.0 + gone * direction.rows, place.1 + gone * direction.columns), in: frame, of: &values)
    }
    return (
      Clip(values: values, rows: side, columns: side, channels: 1, rate: 10),
      labels.map { Int($0.values[image]) } ?? 0, direction.name, speed.name
    )
  }

  /// Where digits lie over each other the brighter one is seen; what lies outside of the frame is not.
  private func draw(_ image: Int, at place: (Int, Int), in frame: Int, of values: inout [UInt8]) {
    let (rows, columns) = (images.shape[1], images.shape[2])
    for row in 0..<rows where (0..<side).contains(place.0 + row) {
      for column in 0..<columns where (0..<side).contains(place.1 + column) {
        let target = (frame * side + place.0 + row) * side + place.1 + column
        values[target] = max(values[target], images.values[(image * rows + row) * columns + column])
      }
    }
  }
}
