LOCK TABLE rooms, messages IN ACCESS EXCLUSIVE MODE;
ALTER TABLE messages ADD CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id);
DROP TRIGGER keep_room ON rooms;
DROP TRIGGER keep_rooms ON rooms;
DROP FUNCTION keep_room;
DROP FUNCTION keep_rooms;
